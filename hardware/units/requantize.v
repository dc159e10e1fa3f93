// From accumulators to the next layer's activations, as the operations Requantize and Threshold of packages.

// y = saturate((sum * multiplier + addend) >> shift), the shift arithmetic.
//
//   sum         SUM_BITS, two's complement
//   multiplier  MULTIPLIER_BITS, two's complement
//   addend      WIDE_BITS, two's complement. What rounds is in it: with 2^(shift-1) the whole rounds half up
//   shift       SHIFT_BITS, unsigned
//   y           Y_BITS. SIGNED = 1: two's complement, -2^(Y_BITS-1) to 2^(Y_BITS-1) - 1; SIGNED = 0: 0 to 2^Y_BITS - 1,
//               the lower end being the ReLU
//
// sum * multiplier + addend must fit in WIDE_BITS, which are at least SUM_BITS + MULTIPLIER_BITS.
module requantize #(
    parameter SUM_BITS = 32,
    parameter MULTIPLIER_BITS = 16,
    parameter WIDE_BITS = 48,
    parameter SHIFT_BITS = 6,
    parameter Y_BITS = 8,
    parameter SIGNED = 0
) (
    input  [SUM_BITS-1:0] sum,
    input  [MULTIPLIER_BITS-1:0] multiplier,
    input  [WIDE_BITS-1:0] addend,
    input  [SHIFT_BITS-1:0] shift,
    output [Y_BITS-1:0] y
);
  wire signed [SUM_BITS+MULTIPLIER_BITS-1:0] product;
  multiply_baugh_wooley #(.A_BITS(SUM_BITS), .B_BITS(MULTIPLIER_BITS)) scale (
      .a(sum), .b(multiplier), .product(product));
  wire signed [WIDE_BITS-1:0] widened = product;
  wire signed [WIDE_BITS-1:0] mapped = widened + addend;
  wire signed [WIDE_BITS-1:0] shifted = mapped >>> shift;

  // In range: every bit that is cut off equals the sign (signed), or is zero (unsigned).
  wire negative = shifted[WIDE_BITS-1];
  wire [WIDE_BITS-1:0] differs = shifted ^ {WIDE_BITS{negative}};
  generate
    if (SIGNED) begin : clamp_signed
      wire outside = |differs[WIDE_BITS-2:Y_BITS-1];
      assign y = outside ? {negative, {(Y_BITS - 1) {~negative}}} : shifted[Y_BITS-1:0];
    end else begin : clamp_unsigned
      wire outside = |differs[WIDE_BITS-2:Y_BITS];
      assign y = (shifted[Y_BITS-1:0] | {Y_BITS{outside}}) & {Y_BITS{~negative}};
    end
  endgenerate
endmodule

// y = 1, which means -1, unless sum >= threshold (rising = 1) or sum <= threshold (rising = 0).
module threshold #(
    parameter SUM_BITS = 32
) (
    input  signed [SUM_BITS-1:0] sum,
    input  signed [SUM_BITS-1:0] threshold,
    input  rising,
    output y
);
  wire below = sum < threshold;
  wire equal = sum == threshold;
  assign y = rising ? below : ~(below | equal);
endmodule
