// Adder: y = a + b, modulo 2^BITS.
module add #(
    parameter BITS = 24
) (
    input  [BITS-1:0] a,
    input  [BITS-1:0] b,
    output [BITS-1:0] y
);
  assign y = a + b;
endmodule
