// IEEE 754 binary32 multiplier: y = a * b, rounded to nearest even, with exceptions.
//
// The exceptions, of all fp32 units: no NaN and no infinity may enter; subnormal operands count as zeros of their sign;
// a result is rounded as if exponents had no end, then one below 2^-126 is a zero of its sign, and one of 2^128 or more
// is infinity.
module fp32_multiply (
    input  [31:0] a,
    input  [31:0] b,
    output [31:0] y
);
  wire sign = a[31] ^ b[31];
  wire zero = a[30:23] == 0 || b[30:23] == 0;

  // The product of two significands in [1, 2) is in [1, 4).
  wire [47:0] product = {1'b1, a[22:0]} * {1'b1, b[22:0]};
  wire two = product[47];
  wire [23:0] kept = two ? product[47:24] : product[46:23];
  wire half = two ? product[23] : product[22];
  wire below = |product[21:0] || (two && product[22]);
  wire [24:0] rounded = kept + (half & (below | kept[0]));

  // Biased exponents; 10 bits hold -127 to 385.
  wire signed [9:0] exponent = $signed({2'b0, a[30:23]}) + $signed({2'b0, b[30:23]}) - 10'sd127 +
                               $signed({9'b0, two}) + $signed({9'b0, rounded[24]});
  wire underflow = zero || exponent <= 0;
  wire overflow = exponent >= 255;
  assign y = underflow ? {sign, 31'b0} : overflow ? {sign, 8'hff, 23'b0} : {sign, exponent[7:0], rounded[22:0]};
endmodule
