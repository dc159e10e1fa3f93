// Multiplication by a binary weight, +1 (code 0) or -1 (code 1).

// Of two signs: y is 1 where the product is +1 (BinaryNet). The sum of n products is 2 * (number of ones) - n.
module binary_xnor (
    input  a,
    input  code,
    output y
);
  assign y = ~(a ^ code);
endmodule

// Of X_BITS in two's complement (BinaryConnect): y = +-x in X_BITS + 1 bits.
module binary_multiply #(
    parameter X_BITS = 12
) (
    input  [X_BITS-1:0] x,
    input  code,
    output [X_BITS:0] y
);
  assign y = ({x[X_BITS-1], x} ^ {(X_BITS + 1) {code}}) + code;
endmodule

// The product and its addition in one carry chain: y = sum +- x, modulo 2^SUM_BITS; X_BITS <= SUM_BITS.
module binary_add_subtract #(
    parameter X_BITS = 12,
    parameter SUM_BITS = 24
) (
    input  [SUM_BITS-1:0] sum,
    input  signed [X_BITS-1:0] x,
    input  code,
    output [SUM_BITS-1:0] y
);
  wire signed [SUM_BITS-1:0] widened = x;
  assign y = sum + (widened ^ {SUM_BITS{code}}) + code;
endmodule
