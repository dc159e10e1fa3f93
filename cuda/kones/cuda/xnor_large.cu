#include "kones/cuda/xnor_tile.cuh"

namespace kones::cuda {

void launch_xnor_large(bool wide_pieces, unsigned blocks, const XnorLaunch& launch, Stream stream) {
  launch_xnor_tile<Tile<4, 2, 2, 8>>(wide_pieces, blocks, launch, stream);
}

}  // namespace kones::cuda
