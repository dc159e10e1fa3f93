// Accumulator register: at each rising edge, sum = (first ? start : sum) + term, modulo 2^SUM_BITS.
//
//   first  begins a new sum at `start`, a bias
//   term   TERM_BITS, two's complement, at most SUM_BITS
//   carry  is added as well: for k_ones_multiply_carry; else 0
module accumulate #(
    parameter TERM_BITS = 21,
    parameter SUM_BITS = 32
) (
    input  clock,
    input  first,
    input  [SUM_BITS-1:0] start,
    input  signed [TERM_BITS-1:0] term,
    input  carry,
    output reg [SUM_BITS-1:0] sum
);
  wire signed [SUM_BITS-1:0] widened = term;
  always @(posedge clock) sum <= (first ? start : sum) + widened + carry;
endmodule
