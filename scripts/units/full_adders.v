// Maps yosys' adders onto full-adder cells of osu018 in ripple-carry chains: the smallest adders, and the slowest.
// Where an operand bit is constant, and at an adder's last bit, whose carry nobody reads, gates are smaller.

(* techmap_celltype = "$fa" *)
module full_adders (A, B, C, X, Y);
  parameter WIDTH = 1;
  input [WIDTH-1:0] A, B, C;
  output [WIDTH-1:0] X, Y;
  parameter [WIDTH-1:0] _TECHMAP_CONSTMSK_A_ = 0;
  parameter [WIDTH-1:0] _TECHMAP_CONSTMSK_B_ = 0;
  parameter [WIDTH-1:0] _TECHMAP_CONSTMSK_C_ = 0;
  localparam [WIDTH-1:0] CONSTANT = _TECHMAP_CONSTMSK_A_ | _TECHMAP_CONSTMSK_B_ | _TECHMAP_CONSTMSK_C_;
  genvar i;
  generate
    for (i = 0; i < WIDTH; i = i + 1) begin : bits
      if (CONSTANT[i]) begin
        assign Y[i] = A[i] ^ B[i] ^ C[i];
        assign X[i] = (A[i] & B[i]) | (C[i] & (A[i] ^ B[i]));
      end else begin
        FAX1 cell_ (.A(A[i]), .B(B[i]), .C(C[i]), .YS(Y[i]), .YC(X[i]));
      end
    end
  endgenerate
endmodule

(* techmap_celltype = "$alu" *)
module ripple_carry_adder (A, B, CI, BI, X, Y, CO);
  parameter A_SIGNED = 0;
  parameter B_SIGNED = 0;
  parameter A_WIDTH = 1;
  parameter B_WIDTH = 1;
  parameter Y_WIDTH = 1;
  input [A_WIDTH-1:0] A;
  input [B_WIDTH-1:0] B;
  input CI, BI;
  output [Y_WIDTH-1:0] X, Y, CO;
  parameter [A_WIDTH-1:0] _TECHMAP_CONSTMSK_A_ = 0;
  parameter [B_WIDTH-1:0] _TECHMAP_CONSTMSK_B_ = 0;
  parameter _TECHMAP_CONSTMSK_CI_ = 0;

  wire [Y_WIDTH-1:0] a, extended;
  // A negation is an adder whose operand A has no bits.
  generate
    if (A_WIDTH == 0) assign a = 0;
    else \$pos #(.A_SIGNED(A_SIGNED), .A_WIDTH(A_WIDTH), .Y_WIDTH(Y_WIDTH)) extend_a (.A(A), .Y(a));
    if (B_WIDTH == 0) assign extended = 0;
    else \$pos #(.A_SIGNED(B_SIGNED), .A_WIDTH(B_WIDTH), .Y_WIDTH(Y_WIDTH)) extend_b (.A(B), .Y(extended));
  endgenerate
  wire [Y_WIDTH-1:0] b = extended ^ {Y_WIDTH{BI}};
  wire [Y_WIDTH:0] carry;
  assign carry[0] = CI;
  assign CO = carry[Y_WIDTH:1];
  assign X = a ^ b;

  genvar i;
  generate
    for (i = 0; i < Y_WIDTH; i = i + 1) begin : bits
      localparam A_CONSTANT = i < A_WIDTH ? _TECHMAP_CONSTMSK_A_[i < A_WIDTH ? i : 0]
                                          : !A_SIGNED || _TECHMAP_CONSTMSK_A_[A_WIDTH > 0 ? A_WIDTH - 1 : 0];
      localparam B_CONSTANT = i < B_WIDTH ? _TECHMAP_CONSTMSK_B_[i < B_WIDTH ? i : 0]
                                          : !B_SIGNED || _TECHMAP_CONSTMSK_B_[B_WIDTH > 0 ? B_WIDTH - 1 : 0];
      if (A_CONSTANT || B_CONSTANT || (i == 0 && _TECHMAP_CONSTMSK_CI_) || i == Y_WIDTH - 1) begin
        assign Y[i] = a[i] ^ b[i] ^ carry[i];
        assign carry[i+1] = (a[i] & b[i]) | (carry[i] & (a[i] ^ b[i]));
      end else begin
        FAX1 cell_ (.A(a[i]), .B(b[i]), .C(carry[i]), .YS(Y[i]), .YC(carry[i+1]));
      end
    end
  endgenerate
endmodule
