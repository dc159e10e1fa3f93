// Multiplication by 0 or +-2^-m, 0 <= m <= LARGEST_SHIFT: a gate, a shift, a negation. The weights of INQ (Zhou, Yao,
// Guo, Xu and Chen, 2017); without the zero it is k_ones_multiply with one term.
//
//   x     X_BITS, two's complement
//   code  the sign (1 is negative), then SHIFT_BITS bits of m; m above LARGEST_SHIFT means zero
//   y     EXACT = 1: x * weight * 2^LARGEST_SHIFT; EXACT = 0: +-floor(x * 2^-m). One bit more than the shifted x, for
//         the negative of -2^(X_BITS-1)
module power_of_two_multiply #(
    parameter X_BITS = 12,
    parameter LARGEST_SHIFT = 6,
    parameter EXACT = 1,
    parameter SHIFT_BITS = $clog2(LARGEST_SHIFT + 2),                    // follows from the others, and so does:
    parameter TERM_BITS = X_BITS + (EXACT ? LARGEST_SHIFT : 0)
) (
    input  [X_BITS-1:0] x,
    input  [SHIFT_BITS:0] code,
    output [TERM_BITS:0] y
);
  wire [SHIFT_BITS-1:0] shift = code[SHIFT_BITS-1:0];
  wire sign = code[SHIFT_BITS];
  wire [X_BITS-1:0] gated = x & {X_BITS{shift <= LARGEST_SHIFT}};

  wire signed [TERM_BITS-1:0] widened;
  generate
    if (EXACT) assign widened = {gated, {LARGEST_SHIFT{1'b0}}};
    else assign widened = gated;
  endgenerate

  wire signed [TERM_BITS-1:0] term = widened >>> shift;
  assign y = ({term[TERM_BITS-1], term} ^ {(TERM_BITS + 1) {sign}}) + sign;
endmodule
