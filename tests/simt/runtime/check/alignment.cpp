// The function that -fsanitize=alignment has compiled kernels call for an address that the type's alignment
// does not allow. UndefinedBehaviorSanitizer's own library is not linked. The parameters are those of
// libubsan's handleTypeMismatchImpl (GCC, libsanitizer/ubsan/ubsan_handlers.h).
#include <cstddef>
#include <cstdint>

#include "simt/runtime/check/check.h"

namespace {

struct Type {
  uint16_t kind;
  uint16_t information;
  char name[1];  ///< in quotes
};

struct Mismatch {
  const char* file;
  uint32_t line;
  uint32_t column;
  const Type* type;
  unsigned char alignment_log2;
  unsigned char use;
};

}  // namespace

extern "C" void __ubsan_handle_type_mismatch_v1(const Mismatch* mismatch, const void* address) {
  constexpr unsigned char load = 0;
  constexpr unsigned char store = 1;
  const char* const verb = mismatch->use == load ? "read" : mismatch->use == store ? "write" : "access";
  simt::check::misaligned(address, verb, mismatch->type->name, size_t{1} << mismatch->alignment_log2,
                          __builtin_return_address(0));
}
