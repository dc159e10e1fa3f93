// Signed multiplier with half as many rows, exact: product = a * b.
//
//   a        A_BITS, two's complement
//   b        B_BITS, two's complement; an even number of bits
//   product  A_BITS + B_BITS, two's complement
//
// A. D. Booth, "A Signed Binary Multiplication Technique", 1951, with O. L. MacSorley's recoding of two bits at a time
// ("High-Speed Arithmetic in Binary Computers", 1961): digit i of b is b[2i-1] + b[2i] - 2 b[2i+1], from -2 to 2, and b
// is the sum of digit i * 4^i. A negative digit's row is complemented, and its +1 is added at the row's lowest place.
// Instead of sign extension each row has its sign s complemented: -s = (1 - s) - 1; the -1s add up to CORRECTION.
module multiply_booth #(
    parameter A_BITS = 12,
    parameter B_BITS = 12
) (
    input  [A_BITS-1:0] a,
    input  [B_BITS-1:0] b,
    output reg [A_BITS+B_BITS-1:0] product
);
  localparam P_BITS = A_BITS + B_BITS;
  localparam [P_BITS-1:0] FOURS = {(B_BITS / 2) {2'b01}};
  localparam [P_BITS-1:0] CORRECTION = -(FOURS << A_BITS);

  wire [B_BITS:0] padded = {b, 1'b0};
  reg [P_BITS-1:0] row;
  reg [P_BITS-1:0] plus_one;
  reg one, two, negative;
  integer i;
  always @* begin
    product = CORRECTION;
    row = 0;
    plus_one = 0;
    one = 0;
    two = 0;
    negative = 0;
    for (i = 0; i < B_BITS / 2; i = i + 1) begin
      one = padded[2*i+1] ^ padded[2*i];
      two = (padded[2*i+2] ^ padded[2*i+1]) & ~one;
      negative = padded[2*i+2] & ~(padded[2*i+1] & padded[2*i]);
      row = 0;
      row[A_BITS:0] = (({a[A_BITS-1], a} & {(A_BITS + 1) {one}}) | ({a, 1'b0} & {(A_BITS + 1) {two}})) ^
                      {(A_BITS + 1) {negative}};
      row[A_BITS] = ~row[A_BITS];
      plus_one = 0;
      plus_one[0] = negative;
      product = product + (row << (2 * i)) + (plus_one << (2 * i));
    end
  end
endmodule
