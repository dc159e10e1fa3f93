// A k-ones weight times an activation that is a sign: y = +-(2^(M-m1) + ... + 2^(M-mk)), M = 2^SHIFT_BITS - 1.
//
//   a     1 bit, 1 is -1
//   code  1 + TERMS * SHIFT_BITS, as for k_ones_multiply
//   y     two's complement, as many bits as hold every result
//
// For LightNN-1-bin and LightNN-2-bin (Ding, Liu, Blanton and Marculescu, 2017): each shifter has a constant input, so
// it is a decoder.
module k_ones_binary #(
    parameter TERMS = 2,
    parameter SHIFT_BITS = 3,
    parameter SUM_BITS = (1 << SHIFT_BITS) + $clog2(TERMS)  // follows from the others
) (
    input  a,
    input  [TERMS*SHIFT_BITS:0] code,
    output [SUM_BITS:0] y
);
  localparam TERM_BITS = 1 << SHIFT_BITS;
  wire [TERM_BITS-1:0] largest = {1'b1, {(TERM_BITS - 1) {1'b0}}};

  reg [TERM_BITS-1:0] term;
  reg [SUM_BITS-1:0] sum;
  integer i;
  always @* begin
    sum = 0;
    term = 0;
    for (i = 0; i < TERMS; i = i + 1) begin
      term = largest >> code[i*SHIFT_BITS+:SHIFT_BITS];
      sum = sum + term;
    end
  end
  wire sign = a ^ code[TERMS*SHIFT_BITS];
  assign y = ({1'b0, sum} ^ {(SUM_BITS + 1) {sign}}) + sign;
endmodule
