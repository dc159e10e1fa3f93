#include "kones/files/file_lock.h"

#include <cstdlib>
#include <filesystem>
#include <string>

#include "data/error_text.h"
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

namespace kones {
namespace {

namespace fs = std::filesystem;

class FileLockTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "kones-lock-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder = name;
  }
  void TearDown() override { fs::remove_all(folder); }

  fs::path folder;
};

// Seen to fail on: no lock at all, a file that stays.
TEST_F(FileLockTest, IsHeldByOne) {
  const fs::path path = folder / "lock";
  auto lock = FileLock::try_lock(path);
  ASSERT_NE(lock, nullptr);
  EXPECT_EQ(FileLock::try_lock(path), nullptr);
  EXPECT_TRUE(fs::exists(path)) << "who is refused leaves the file alone";
  lock.reset();
  EXPECT_FALSE(fs::exists(path));
  EXPECT_NE(FileLock::try_lock(path), nullptr);
}

// Seen to fail on: a file that is there taken for a lock.
TEST_F(FileLockTest, AKilledProcessHoldsNothing) {
  const fs::path path = folder / "lock";
  const pid_t child = fork();
  if (child == 0) {
    const auto lock = FileLock::try_lock(path);
    _exit(lock != nullptr ? 0 : 1);  // without destructors
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_EQ(status, 0);
  EXPECT_TRUE(fs::exists(path));
  EXPECT_NE(FileLock::try_lock(path), nullptr);
}

TEST_F(FileLockTest, NoFolderToLockIn) {
  const fs::path path = folder / "missing" / "lock";
  EXPECT_EQ(error_text([&] { FileLock::try_lock(path); }),
            "cannot lock " + path.string() + ": No such file or directory");
}

}  // namespace
}  // namespace kones
