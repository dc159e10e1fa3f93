#include "kones/files/child_process.h"

#include <filesystem>

#include "data/error_text.h"
#include <gtest/gtest.h>

namespace kones {
namespace {

TEST(ChildProcess, GivesStatusAndErrors) {
  const ChildResult result = run_child("/bin/sh", {"-c", "echo no >&2; exit 7"});
  EXPECT_EQ(result.status, 7);
  EXPECT_EQ(result.errors, "no\n");
  EXPECT_EQ(run_child("/bin/sh", {"-c", "kill -9 $$"}).status, 128 + 9);
  EXPECT_EQ(run_child("/bin/true", {}).status, 0);
}

TEST(ChildProcess, ArgumentsStayWhole) {
  const std::string odd = "a b\"c'$(reboot)\n*";
  const ChildResult result = run_child("/bin/sh", {"-c", "printf %s \"$1\" >&2", "name", odd});
  EXPECT_EQ(result.errors, odd);
}

// More than a pipe holds.
TEST(ChildProcess, ManyErrorsAreCutOff) {
  const ChildResult result = run_child("/bin/sh", {"-c", "head -c 1000000 /dev/zero >&2"});
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.errors, std::string(1 << 16, '\0'));
}

TEST(ChildProcess, NoInput) {
  EXPECT_EQ(run_child("/bin/sh", {"-c", "cat >&2"}).errors, "");
}

TEST(ChildProcess, NoProgram) {
  EXPECT_EQ(error_text([] { run_child("/missing/program", {}); }),
            "cannot run /missing/program: No such file or directory");
}

TEST(ChildProcess, ItsOwnFolder) {
  EXPECT_TRUE(std::filesystem::exists(folder_of_this_program() / "files_test"));
}

}  // namespace
}  // namespace kones
