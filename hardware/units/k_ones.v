// Multiplication by a k-ones weight, +-(2^-m1 + ... + 2^-mk): TERMS shifts, TERMS - 1 additions, one negation.
//
// R. Ding, Z. Liu, R. D. Blanton and D. Marculescu, "Quantized Deep Neural Networks for Energy Efficient Hardware-based
// Inference" (LightNN; 2017). TERMS = 1 and 2 are LightNN-1 and LightNN-2.
//
//   x     X_BITS, two's complement
//   code  1 + TERMS * SHIFT_BITS, as in packages: the sign (1 is negative), then m1, ..., mk from high bits to low
//
// The terms are added first and the sum is negated then. With M = 2^SHIFT_BITS - 1, the largest shift:
//
//   EXACT = 1  y = x * weight * 2^M, an integer: x is shifted as x << M, so that nothing is lost
//   EXACT = 0  y = +-(floor(x * 2^-m1) + ... + floor(x * 2^-mk)): each term keeps x's radix point and drops the bits
//              below it
//
//   y     as many bits as hold every result, the negative of x = -2^(X_BITS-1) times the largest weight among them
//
// Any code is a weight here; that packages hold canonical codes alone does not matter.

// The sum of the shifted terms, without the sign.
module k_ones_sum #(
    parameter X_BITS = 12,
    parameter TERMS = 2,
    parameter EXACT = 1,
    parameter SHIFT_BITS = 3,
    parameter TERM_BITS = X_BITS + (EXACT ? (1 << SHIFT_BITS) - 1 : 0),  // follows from the others, and so does:
    parameter SUM_BITS = TERM_BITS + $clog2(TERMS)
) (
    input  [X_BITS-1:0] x,
    input  [TERMS*SHIFT_BITS-1:0] shifts,
    output reg [SUM_BITS-1:0] sum
);
  wire signed [TERM_BITS-1:0] widened;
  generate
    if (EXACT) assign widened = {x, {(TERM_BITS - X_BITS) {1'b0}}};
    else assign widened = x;
  endgenerate

  reg signed [TERM_BITS-1:0] term;
  integer i;
  always @* begin
    sum = 0;
    term = 0;
    for (i = 0; i < TERMS; i = i + 1) begin
      term = widened >>> shifts[i*SHIFT_BITS+:SHIFT_BITS];
      sum = sum + {{(SUM_BITS - TERM_BITS + 1) {term[TERM_BITS-1]}}, term[TERM_BITS-2:0]};
    end
  end
endmodule

module k_ones_multiply #(
    parameter X_BITS = 12,
    parameter TERMS = 2,
    parameter EXACT = 1,
    parameter SHIFT_BITS = 3,
    parameter SUM_BITS = X_BITS + (EXACT ? (1 << SHIFT_BITS) - 1 : 0) + $clog2(TERMS)  // follows from the others
) (
    input  [X_BITS-1:0] x,
    input  [TERMS*SHIFT_BITS:0] code,
    output [SUM_BITS:0] y
);
  wire [SUM_BITS-1:0] sum;
  k_ones_sum #(.X_BITS(X_BITS), .TERMS(TERMS), .EXACT(EXACT), .SHIFT_BITS(SHIFT_BITS)) terms (
      .x(x), .shifts(code[TERMS*SHIFT_BITS-1:0]), .sum(sum));
  wire sign = code[TERMS*SHIFT_BITS];
  assign y = ({sum[SUM_BITS-1], sum} ^ {(SUM_BITS + 1) {sign}}) + sign;
endmodule

// The same without the negation's carry chain: the result is y + carry. For an accumulator, whose carry input is free.
module k_ones_multiply_carry #(
    parameter X_BITS = 12,
    parameter TERMS = 2,
    parameter EXACT = 1,
    parameter SHIFT_BITS = 3,
    parameter SUM_BITS = X_BITS + (EXACT ? (1 << SHIFT_BITS) - 1 : 0) + $clog2(TERMS)  // follows from the others
) (
    input  [X_BITS-1:0] x,
    input  [TERMS*SHIFT_BITS:0] code,
    output [SUM_BITS-1:0] y,
    output carry
);
  wire [SUM_BITS-1:0] sum;
  k_ones_sum #(.X_BITS(X_BITS), .TERMS(TERMS), .EXACT(EXACT), .SHIFT_BITS(SHIFT_BITS)) terms (
      .x(x), .shifts(code[TERMS*SHIFT_BITS-1:0]), .sum(sum));
  assign carry = code[TERMS*SHIFT_BITS];
  assign y = sum ^ {SUM_BITS{carry}};
endmodule
