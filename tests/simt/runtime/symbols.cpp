#include "simt/runtime/symbols.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>

#include <cxxabi.h>
#include <elf.h>
#include <link.h>
#include <unistd.h>

// The linker's names for the list of kernels' addresses, which the compiler makes for __global__
// (simt/build.h).
extern "C" __attribute__((weak)) const void* const __start___patchable_function_entries[];
extern "C" __attribute__((weak)) const void* const __stop___patchable_function_entries[];

namespace simt {
namespace {

struct Image {
  char* start = nullptr;
  size_t size = 0;
  size_t thread_locals_size = 0;
  char* thread_locals = nullptr;
  std::vector<std::pair<char*, char*>> writable;
  std::pair<char*, char*> constant{};
};

Image load_image() {
  Image image;
  // The executable is the first that is reported.
  dl_iterate_phdr(
      [](dl_phdr_info* info, size_t, void* result) {
        auto* found = static_cast<Image*>(result);
        found->start = reinterpret_cast<char*>(info->dlpi_addr);
        found->thread_locals = static_cast<char*>(info->dlpi_tls_data);
        for (int i = 0; i < info->dlpi_phnum; ++i) {
          const auto& header = info->dlpi_phdr[i];
          char* const segment = found->start + header.p_vaddr;
          if (header.p_type == PT_LOAD && (header.p_flags & PF_W) != 0) {
            found->writable.emplace_back(segment, segment + header.p_memsz);
          }
          // Made constant once the program is loaded: tables of pointers and the like.
          if (header.p_type == PT_GNU_RELRO) found->constant = {segment, segment + header.p_memsz};
          if (header.p_type == PT_LOAD)
            found->size = std::max(found->size, size_t{header.p_vaddr + header.p_memsz});
          if (header.p_type == PT_TLS) found->thread_locals_size = header.p_memsz;
        }
        return 1;
      },
      &image);
  return image;
}

const Image& image() {
  static const Image loaded = load_image();
  return loaded;
}

std::string executable_path() {
  char path[4096];
  const ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 1);
  return length < 0 ? std::string() : std::string(path, static_cast<size_t>(length));
}

std::string demangle(const std::string& symbol) {
  int status = 0;
  char* text = abi::__cxa_demangle(symbol.c_str(), nullptr, nullptr, &status);
  std::string name = status == 0 ? text : symbol;
  std::free(text);
  return name;
}

/// Removes every "(anonymous namespace)::" and the parameter list: what is left is as a programmer writes it.
std::string readable(std::string name) {
  const std::string anonymous = "(anonymous namespace)::";
  for (size_t at = name.find(anonymous); at != std::string::npos; at = name.find(anonymous)) {
    name.erase(at, anonymous.size());
  }
  if (name.compare(0, 5, "void ") == 0) name.erase(0, 5);
  int depth = 0;
  for (size_t i = 0; i < name.size(); ++i) {
    if (name[i] == '<') ++depth;
    if (name[i] == '>') --depth;
    if (name[i] != '(' || depth != 0) continue;
    const size_t end = name.rfind(')');
    if (end != std::string::npos && end > i) name.erase(i, end - i + 1);
    break;
  }
  return name;
}

struct Table {
  Symbols symbols;
  std::map<uintptr_t, std::pair<size_t, std::string>> functions;
};

bool starts_with(const std::string& text, const char* start) {
  return text.compare(0, std::strlen(start), start) == 0;
}

/// Variables that are local to functions of the layer, the standard library and tests' main programs are no
/// kernel's.
bool is_local_to_a_kernel(const std::string& symbol) {
  return starts_with(symbol, "_ZZ") && !starts_with(symbol, "_ZZN4simt") && !starts_with(symbol, "_ZZNSt") &&
         !starts_with(symbol, "_ZZN7testing");
}

Table load_table() {
  Table table;
  std::ifstream file(executable_path(), std::ios::binary);
  const std::vector<char> bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (bytes.size() < sizeof(Elf64_Ehdr)) return table;
  const auto* header = reinterpret_cast<const Elf64_Ehdr*>(bytes.data());
  const auto* sections = reinterpret_cast<const Elf64_Shdr*>(bytes.data() + header->e_shoff);
  for (int s = 0; s < header->e_shnum; ++s) {
    if (sections[s].sh_type != SHT_SYMTAB) continue;
    const auto* entries = reinterpret_cast<const Elf64_Sym*>(bytes.data() + sections[s].sh_offset);
    const char* names = bytes.data() + sections[sections[s].sh_link].sh_offset;
    for (size_t i = 0; i < sections[s].sh_size / sizeof(Elf64_Sym); ++i) {
      const Elf64_Sym& entry = entries[i];
      if (entry.st_shndx == SHN_UNDEF || entry.st_shndx >= SHN_LORESERVE || entry.st_size == 0) continue;
      const std::string symbol = names + entry.st_name;
      const int type = ELF64_ST_TYPE(entry.st_info);
      const bool writable = (sections[entry.st_shndx].sh_flags & SHF_WRITE) != 0;
      const uintptr_t base = reinterpret_cast<uintptr_t>(image().start);
#if defined(__SANITIZE_ADDRESS__)
      const bool shared = type == STT_OBJECT && writable && is_local_to_a_kernel(symbol);
      const uintptr_t shared_base = base;
#else
      const bool shared = type == STT_TLS && is_local_to_a_kernel(symbol);
      const uintptr_t shared_base = 0;
#endif
      const bool guard = type == STT_TLS && starts_with(symbol, "_ZGVZ");
      if (guard) {
        table.symbols.guards.push_back({entry.st_value, entry.st_size, symbol, symbol, nullptr});
      } else if (type == STT_FUNC) {
        table.functions.emplace(base + entry.st_value, std::make_pair(size_t{entry.st_size}, symbol));
      } else if (shared) {
        table.symbols.shared.push_back(
            {shared_base + entry.st_value, entry.st_size, symbol, readable(demangle(symbol)), nullptr});
      } else if (type == STT_OBJECT && writable && !starts_with(symbol, "_ZZ")) {
        table.symbols.globals.push_back(
            {base + entry.st_value, entry.st_size, symbol, readable(demangle(symbol)), nullptr});
      }
    }
  }
  // A variable local to a function is called _ZZ<the function's symbol after _Z>E<…>.
  for (const void* const* entry = __start___patchable_function_entries;
       entry != __stop___patchable_function_entries; ++entry) {
    // A kernel with __launch_bounds__ has as many bytes before it (simt/build.h).
    const auto listed = reinterpret_cast<uintptr_t>(*entry);
    const auto function = table.functions.lower_bound(listed);
    if (function == table.functions.end() || !starts_with(function->second.second, "_Z")) continue;
    const auto* const address = reinterpret_cast<const void*>(function->first);
    table.symbols.kernels.push_back({address, static_cast<unsigned>(function->first - listed)});
    const std::string prefix = "_ZZ" + function->second.second.substr(2) + "E";
    for (Variable& variable : table.symbols.shared) {
      if (starts_with(variable.symbol, prefix.c_str())) variable.kernel = address;
    }
  }
  const auto by_address = [](const Variable& a, const Variable& b) { return a.address < b.address; };
  std::sort(table.symbols.shared.begin(), table.symbols.shared.end(), by_address);
  std::sort(table.symbols.guards.begin(), table.symbols.guards.end(), by_address);
  std::sort(table.symbols.globals.begin(), table.symbols.globals.end(), by_address);
  return table;
}

const Table& table() {
  static const Table loaded = load_table();
  return loaded;
}

/// Whether a line is in the layer's headers, the primitives' header or the standard library.
bool is_a_primitive(const std::string& line) {
  return line.find("simt/include/") != std::string::npos ||
         line.find("kones/cuda/hardware.cuh") != std::string::npos || starts_with(line, "/usr/");
}

}  // namespace

const Symbols& symbols() {
  return table().symbols;
}

std::string function_symbol(const void* address) {
  const auto found = table().functions.find(reinterpret_cast<uintptr_t>(address));
  return found == table().functions.end() ? std::string() : found->second.second;
}

unsigned launch_bound(const void* kernel) {
  for (const Kernel& one : symbols().kernels) {
    if (one.address == kernel) return one.launch_bound;
  }
  return 0;
}

std::string function_name(const void* address) {
  return readable(demangle(function_symbol(address)));
}

const Variable* variable_at(const std::vector<Variable>& variables, uintptr_t address, size_t size) {
  auto after =
      std::upper_bound(variables.begin(), variables.end(), address,
                       [](uintptr_t value, const Variable& variable) { return value < variable.address; });
  if (after == variables.begin()) return nullptr;
  --after;
  return address + size <= after->address + after->size ? &*after : nullptr;
}

std::vector<std::string> source_lines(const void* return_address) {
  const auto offset = static_cast<size_t>(static_cast<const char*>(return_address) - image().start) - 1;
  char command[4352];
  std::snprintf(command, sizeof(command), "addr2line -i -e '%s' 0x%zx 2>/dev/null", executable_path().c_str(),
                offset);
  FILE* pipe = popen(command, "r");
  if (pipe == nullptr) return {};
  std::vector<std::string> primitives;
  std::vector<std::string> lines;
  char line[4096];
  while (std::fgets(line, sizeof(line), pipe) != nullptr) {
    std::string text(line, std::strcspn(line, "\n"));
    text.resize(std::min(text.size(), text.find(" (discriminator")));
    if (starts_with(text, "./")) text.erase(0, 2);
    (is_a_primitive(text) ? primitives : lines).push_back(text);
  }
  pclose(pipe);
  return lines.empty() ? primitives : lines;
}

std::string source_line(const void* return_address) {
  const std::vector<std::string> lines = source_lines(return_address);
  return lines.empty() ? std::string() : lines.front();
}

char* thread_locals() {
  static thread_local char* const start = load_image().thread_locals;
  return start;
}

size_t thread_locals_size() {
  return image().thread_locals_size;
}
char* executable_start() {
  return image().start;
}
size_t executable_size() {
  return image().size;
}

bool in_writable_image(const void* address) {
  const auto holds = [&](const std::pair<char*, char*>& part) {
    return address >= part.first && address < part.second;
  };
  for (const auto& part : image().writable) {
    if (holds(part) && !holds(image().constant)) return true;
  }
  return false;
}

}  // namespace simt
