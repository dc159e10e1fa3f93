// The number of ones among BITS bits: the sum of the XNORs of a binary layer.
module popcount #(
    parameter BITS = 64,
    parameter COUNT_BITS = $clog2(BITS + 1)  // follows from the other
) (
    input  [BITS-1:0] bits,
    output reg [COUNT_BITS-1:0] count
);
  integer i;
  always @* begin
    count = 0;
    for (i = 0; i < BITS; i = i + 1) count = count + bits[i];
  end
endmodule
