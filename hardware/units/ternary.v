// Multiplication by -1, 0 or +1: a gate and a negation.
//
//   x     X_BITS, two's complement
//   code  2 bits: the sign (1 is negative) above a bit that is set where the weight is not zero
//   y     X_BITS + 1, two's complement
module ternary_multiply #(
    parameter X_BITS = 12
) (
    input  [X_BITS-1:0] x,
    input  [1:0] code,
    output [X_BITS:0] y
);
  wire [X_BITS-1:0] gated = x & {X_BITS{code[0]}};
  assign y = ({gated[X_BITS-1], gated} ^ {(X_BITS + 1) {code[1]}}) + code[1];
endmodule
