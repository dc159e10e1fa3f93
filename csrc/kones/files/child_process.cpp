#include "kones/files/child_process.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kones/error.h"

extern char** environ;

namespace kones {
namespace {

constexpr std::size_t most_error_bytes = 1 << 16;

[[noreturn]] void fail(const std::filesystem::path& program, int error) {
  throw Error("cannot run " + program.string() + ": " + std::strerror(error));
}

/// Reads the pipe to its end, and keeps the beginning.
std::string read_beginning(int descriptor) {
  std::string text;
  char buffer[4096];
  for (;;) {
    const ssize_t size = ::read(descriptor, buffer, sizeof(buffer));
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return text;
    text.append(buffer, std::min(static_cast<std::size_t>(size), most_error_bytes - text.size()));
  }
}

int wait_for(pid_t process) {
  int status = 0;
  while (::waitpid(process, &status, 0) < 0) {
    if (errno != EINTR) return 127;
  }
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace

ChildResult run_child(const std::filesystem::path& program, const std::vector<std::string>& arguments) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) fail(program, errno);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);

  std::vector<std::string> words{program.string()};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);

  pid_t process = 0;
  const int error = ::posix_spawn(&process, program.c_str(), &actions, nullptr, pointers.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);
  if (error != 0) {
    ::close(ends[0]);
    fail(program, error);
  }
  ChildResult result;
  result.errors = read_beginning(ends[0]);
  ::close(ends[0]);
  result.status = wait_for(process);
  return result;
}

std::filesystem::path folder_of_this_program() {
  char path[PATH_MAX];
  const ssize_t size = ::readlink("/proc/self/exe", path, sizeof(path));
  if (size < 0) fail("/proc/self/exe", errno);
  return std::filesystem::path(std::string(path, static_cast<std::size_t>(size))).parent_path();
}

}  // namespace kones
