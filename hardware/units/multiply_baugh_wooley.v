// Signed multiplier, exact: product = a * b.
//
//   a        A_BITS, two's complement, at least 2
//   b        B_BITS, two's complement, at least 2
//   product  A_BITS + B_BITS, two's complement
//
// The method of C. R. Baugh and B. A. Wooley, "A Two's Complement Parallel Array Multiplication Algorithm", IEEE
// Transactions on Computers C-22, 1973, in its usual form with complemented terms. A partial product of a sign bit and
// one magnitude bit counts negatively: -t = (1 - t) - 1. So these terms are complemented, and their -1s add up to
// CORRECTION, modulo 2^(A_BITS+B_BITS). No row needs sign extension.
module multiply_baugh_wooley #(
    parameter A_BITS = 12,
    parameter B_BITS = 12
) (
    input  [A_BITS-1:0] a,
    input  [B_BITS-1:0] b,
    output reg [A_BITS+B_BITS-1:0] product
);
  localparam P_BITS = A_BITS + B_BITS;
  localparam [P_BITS-1:0] ONE = 1;
  localparam [P_BITS-1:0] CORRECTION = (ONE << (A_BITS - 1)) + (ONE << (B_BITS - 1)) + (ONE << (P_BITS - 1));

  reg [P_BITS-1:0] row;
  integer i;
  always @* begin
    product = CORRECTION;
    row = 0;
    for (i = 0; i < B_BITS; i = i + 1) begin
      row = 0;
      row[A_BITS-1:0] = a & {A_BITS{b[i]}};
      if (i < B_BITS - 1) row[A_BITS-1] = ~row[A_BITS-1];
      else row[A_BITS-2:0] = ~row[A_BITS-2:0];
      product = product + (row << i);
    end
  end
endmodule
