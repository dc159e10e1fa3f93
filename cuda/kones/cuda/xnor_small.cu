#include "kones/cuda/xnor_tile.cuh"

namespace kones::cuda {

void launch_xnor_small(bool wide_pieces, unsigned blocks, const XnorLaunch& launch, Stream stream) {
  launch_xnor_tile<Tile<2, 1, 1, 4>>(wide_pieces, blocks, launch, stream);
}

}  // namespace kones::cuda
