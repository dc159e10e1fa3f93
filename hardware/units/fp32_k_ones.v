// A k-ones weight times an IEEE 754 binary32 number, rounded to nearest even, with the exceptions of fp32_multiply.v.
// Codes as in k_ones.v, with shifts of 3 bits. Ding, Liu, Blanton and Marculescu, 2017: a LightNN-1 multiplication
// subtracts from the exponent; LightNN-2 adds two such results.

// y = +-x * 2^-m: exact, unless it underflows.
module fp32_k_ones_1 (
    input  [31:0] x,
    input  [3:0] code,
    output [31:0] y
);
  wire [8:0] exponent = {1'b0, x[30:23]} - code[2:0];
  wire positive = ~exponent[8] & (|exponent[7:0]);  // x = 0 has the exponent 0, and then this is 0 too
  assign y = {x[31] ^ code[3], {exponent[7:0], x[22:0]} & {31{positive}}};
endmodule

// y = +-(x * 2^-m1 + x * 2^-m2): two of them and a general adder.
module fp32_k_ones_2 (
    input  [31:0] x,
    input  [6:0] code,
    output [31:0] y
);
  wire [31:0] first, second;
  fp32_k_ones_1 shift_first (.x(x), .code({code[6], code[5:3]}), .y(first));
  fp32_k_ones_1 shift_second (.x(x), .code({code[6], code[2:0]}), .y(second));
  fp32_add add (.a(first), .b(second), .y(y));
endmodule

// The same for canonical codes, m1 <= m2, alone: both terms have x's significand and sign, so that one shift by
// m2 - m1 aligns them, nothing cancels, and one exponent is computed. A second term below 2^-126 still counts, where
// fp32_k_ones_2 takes it for zero.
module fp32_k_ones_2_fused (
    input  [31:0] x,
    input  [6:0] code,
    output [31:0] y
);
  wire [2:0] distance = code[2:0] - code[5:3];
  wire [23:0] significand = {1'b1, x[22:0]};
  wire [30:0] aligned = {significand, 7'b0} >> distance;
  wire [31:0] total = {1'b0, significand, 7'b0} + {1'b0, aligned};

  wire carry = total[31];
  wire [23:0] kept = carry ? total[31:8] : total[30:7];
  wire half = carry ? total[7] : total[6];
  wire below = |total[5:0] || (carry && total[6]);
  wire [24:0] rounded = kept + (half & (below | kept[0]));

  wire signed [9:0] exponent = $signed({2'b0, x[30:23]}) - $signed({7'b0, code[5:3]}) + $signed({9'b0, carry}) +
                               $signed({9'b0, rounded[24]});
  wire underflow = x[30:23] == 0 || exponent <= 0;
  wire overflow = exponent >= 255;
  wire sign = x[31] ^ code[6];
  assign y = underflow ? {sign, 31'b0} : overflow ? {sign, 8'hff, 23'b0} : {sign, exponent[7:0], rounded[22:0]};
endmodule
