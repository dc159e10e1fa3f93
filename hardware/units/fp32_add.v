// IEEE 754 binary32 adder: y = a + b, rounded to nearest even, with the exceptions of fp32_multiply.v. x + -x is +0,
// and -0 + -0 is -0.
module fp32_add (
    input  [31:0] a,
    input  [31:0] b,
    output [31:0] y
);
  // x has the larger magnitude.
  wire swap = b[30:0] > a[30:0];
  wire [31:0] x = swap ? b : a;
  wire [31:0] z = swap ? a : b;
  wire [7:0] x_exponent = x[30:23];
  wire [7:0] z_exponent = z[30:23];
  wire [23:0] x_significand = {1'b1, x[22:0]} & {24{x_exponent != 0}};
  wire [23:0] z_significand = {1'b1, z[22:0]} & {24{z_exponent != 0}};

  // Two guard bits and a sticky bit, the OR of all that is shifted out, are enough to round every sum.
  wire [7:0] distance = x_exponent - z_exponent;
  wire far = |distance[7:5];
  wire [49:0] aligned = {z_significand, 26'b0} >> distance[4:0];
  wire [25:0] near_bits = aligned[49:24] & {26{~far}};
  wire sticky = far ? |z_significand : |aligned[23:0];
  wire subtract = x[31] ^ z[31];
  wire [27:0] first = {1'b0, x_significand, 3'b0};
  wire [27:0] second = {1'b0, near_bits, sticky};
  wire [27:0] total = first + (second ^ {28{subtract}}) + subtract;

  // The leading one goes to bit 26: one place right after a carry, else left by the leading zeros.
  reg [4:0] zeros;
  integer i;
  always @* begin
    zeros = 27;
    for (i = 0; i < 27; i = i + 1) if (total[i]) zeros = 26 - i;
  end
  wire carry = total[27];
  wire [26:0] normal = carry ? {total[27:2], total[1] | total[0]} : total[26:0] << zeros;
  wire [24:0] rounded = normal[26:3] + (normal[2] & (normal[1] | normal[0] | normal[3]));

  wire signed [9:0] exponent = $signed({2'b0, x_exponent}) + (carry ? 10'sd1 : -$signed({5'b0, zeros})) +
                               $signed({9'b0, rounded[24]});
  wire nothing = total == 0;
  wire underflow = nothing || exponent <= 0;
  wire overflow = exponent >= 255;
  wire sign = nothing ? x[31] & z[31] : x[31];
  assign y = underflow ? {sign, 31'b0} : overflow ? {sign, 8'hff, 23'b0} : {sign, exponent[7:0], rounded[22:0]};
endmodule
