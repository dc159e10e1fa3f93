#include "kones/files/atomic_file.h"

#include <chrono>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <future>
#include <set>
#include <stdexcept>

#include "data/error_text.h"
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>

namespace kones {
namespace {

namespace fs = std::filesystem;

constexpr std::uintmax_t any_size = UINTMAX_MAX;

/// An empty folder for a test.
class AtomicFileTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "kones-files-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder = name;
  }
  void TearDown() override { fs::remove_all(folder); }

  void write(const fs::path& path, const std::string& bytes) const {
    std::ofstream(path, std::ios::binary) << bytes;
  }

  /// The names in the folder.
  std::set<std::string> names() const {
    std::set<std::string> result;
    for (const auto& entry : fs::directory_iterator(folder)) result.insert(entry.path().filename().string());
    return result;
  }

  fs::path folder;
};

using Names = std::set<std::string>;

// Seen to fail on: a file written in its place, a temporary file in another folder, a commit that copies.
TEST_F(AtomicFileTest, AppearsAtCommit) {
  const fs::path path = folder / "weights";
  {
    AtomicFile file(path);
    EXPECT_EQ(file.temporary_path().parent_path(), folder);
    write(file.temporary_path(), "new");
    EXPECT_FALSE(fs::exists(path));
    file.commit();
    EXPECT_EQ(names(), Names{"weights"});
  }
  EXPECT_EQ(names(), Names{"weights"});
  EXPECT_EQ(read_file(path, any_size), "new");
}

TEST_F(AtomicFileTest, ReplacesAtCommit) {
  const fs::path path = folder / "weights";
  write(path, "old and longer");
  AtomicFile file(path);
  write(file.temporary_path(), "new");
  EXPECT_EQ(read_file(path, any_size), "old and longer");
  file.commit();
  EXPECT_EQ(read_file(path, any_size), "new");
  EXPECT_EQ(names(), Names{"weights"});
}

// Seen to fail on: a destructor that removes nothing, one that commits.
TEST_F(AtomicFileTest, WithoutCommitNothingChanges) {
  const fs::path path = folder / "weights";
  write(path, "old");
  try {
    AtomicFile file(path);
    write(file.temporary_path(), "half");
    throw std::runtime_error("the work failed");
  } catch (const std::runtime_error&) {
  }
  EXPECT_EQ(names(), Names{"weights"});
  EXPECT_EQ(read_file(path, any_size), "old");
  { AtomicFile never_written(folder / "other"); }
  EXPECT_EQ(names(), Names{"weights"});
}

TEST_F(AtomicFileTest, CommitOfNothing) {
  const fs::path path = folder / "weights";
  write(path, "old");
  AtomicFile file(path);
  const std::string text = error_text([&] { file.commit(); });
  EXPECT_EQ(text, "cannot open " + file.temporary_path().string() + ": No such file or directory");
  EXPECT_EQ(read_file(path, any_size), "old");
}

// Seen to fail on: the file counted as committed before it is renamed, an error of the renaming ignored.
TEST_F(AtomicFileTest, CannotReplaceAFolder) {
  const fs::path path = folder / "weights";
  fs::create_directory(path);
  EXPECT_EQ(error_text([&] { write_file_atomically(path, "new"); }),
            "cannot write " + path.string() + ": Is a directory");
  EXPECT_EQ(names(), Names{"weights"});
  EXPECT_TRUE(fs::is_directory(path));
}

TEST_F(AtomicFileTest, NoFolderToWriteTo) {
  const fs::path path = folder / "missing" / "weights";
  EXPECT_EQ(error_text([&] { write_file_atomically(path, "new"); }),
            "cannot write " + path.string() + ": No such file or directory");
  EXPECT_EQ(names(), Names{});
}

// Seen to fail on: a link replaced by a file, a chain followed by one link only, a link's target taken from
// the current folder.
TEST_F(AtomicFileTest, LinksStay) {
  fs::create_directory(folder / "disk");
  write(folder / "disk" / "weights", "old");
  fs::create_symlink("disk/weights", folder / "relative");
  fs::create_symlink(folder / "relative", folder / "chain");
  for (const std::string link : {"relative", "chain"}) {
    AtomicFile file(folder / link);
    EXPECT_EQ(file.temporary_path().parent_path(), folder / "disk");
    write(file.temporary_path(), link);
    file.commit();
    EXPECT_TRUE(fs::is_symlink(folder / link));
    EXPECT_EQ(read_file(folder / "disk" / "weights", any_size), link);
  }
  fs::create_symlink("disk/new", folder / "dangling");
  write_file_atomically(folder / "dangling", "new");
  EXPECT_EQ(read_file(folder / "disk" / "new", any_size), "new");
  EXPECT_EQ(names(), (Names{"chain", "dangling", "disk", "relative"}));
  fs::create_symlink("circle", folder / "circle");
  EXPECT_EQ(error_text([&] { write_file_atomically(folder / "circle", "new"); }),
            "cannot write " + (folder / "circle").string() + ": Too many levels of symbolic links");
}

// A pipe stands for /dev/null: code that fails here must not take the machine's device along. Seen to fail
// on: pipes replaced by files.
TEST_F(AtomicFileTest, DevicesAndPipesStay) {
  ASSERT_EQ(mkfifo((folder / "pipe").c_str(), 0600), 0);
  fs::create_symlink("pipe", folder / "link");
  for (const std::string name : {"pipe", "link"}) {
    EXPECT_EQ(
        error_text([&] { write_file_atomically(folder / name, "new"); }),
        "cannot write " + (folder / name).string() + ": it is a device, a pipe or a socket; name a file");
  }
  EXPECT_TRUE(fs::is_fifo(folder / "pipe"));
  EXPECT_TRUE(fs::is_symlink(folder / "link"));
  EXPECT_EQ(names(), (Names{"link", "pipe"}));
}

// Seen to fail on: another file's leftovers removed, a name that only begins alike.
TEST_F(AtomicFileTest, RemovesWhatKilledWritersLeft) {
  for (const char* name :
       {"weights", "weights.partial-1", "weights.partial-234", "weights.partial", "other.partial-1"}) {
    write(folder / name, "half");
  }
  remove_partial_files(folder / "weights");
  EXPECT_EQ(names(), (Names{"other.partial-1", "weights", "weights.partial"}));
  remove_partial_files(folder / "missing" / "weights");
}

// A limit on file sizes stands in for a full disk: the write fails half-way, or when the last bytes are
// flushed. Seen to fail on: the stream's state checked before it is closed and not after, and not checked at
// all.
TEST_F(AtomicFileTest, AFullDiskLosesNothing) {
  const fs::path path = folder / "weights";
  write(path, "old");
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit limit = before;
  limit.rlim_cur = 4096;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
  const std::string whole = error_text([&] { write_file_atomically(path, std::string(1 << 20, 'x')); });
  limit.rlim_cur = 10;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
  const std::string flushed = error_text([&] { write_file_atomically(path, std::string(100, 'x')); });
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, handler);

  EXPECT_EQ(whole, "cannot write " + path.string() + ": File too large");
  EXPECT_EQ(flushed, whole);
  EXPECT_EQ(names(), Names{"weights"});
  EXPECT_EQ(read_file(path, any_size), "old");
}

// Whoever reads meanwhile sees one content or the other. Seen to fail on: a file written in its place.
TEST_F(AtomicFileTest, AReaderSeesWholeFiles) {
  const fs::path path = folder / "weights";
  const std::string contents[] = {std::string(300000, 'a'), std::string(300000, 'b')};
  write_file_atomically(path, contents[0]);
  std::promise<void> done;
  auto partial = std::async(std::launch::async, [&, stop = done.get_future()] {
    int count = 0;
    do {
      std::ifstream stream(path, std::ios::binary);
      const std::string bytes{std::istreambuf_iterator<char>(stream), {}};
      if (bytes != contents[0] && bytes != contents[1]) ++count;
    } while (stop.wait_for(std::chrono::seconds(0)) != std::future_status::ready);
    return count;
  });
  for (int i = 0; i < 30; ++i) write_file_atomically(path, contents[i % 2]);
  done.set_value();
  EXPECT_EQ(partial.get(), 0);
}

// Seen to fail on: bytes after a zero lost.
TEST_F(AtomicFileTest, AnyBytes) {
  const fs::path path = folder / "a name with spaces";
  std::string every_byte;
  for (int byte = 0; byte < 256; ++byte) every_byte += static_cast<char>(byte);
  for (const std::string& bytes : {every_byte, std::string(), std::string("\n\0\r", 3)}) {
    write_file_atomically(path, bytes);
    EXPECT_EQ(read_file(path, any_size), bytes);
  }
}

// A path without a folder is in the current one. Seen to fail on: the parent path used as it stands, empty.
TEST_F(AtomicFileTest, ARelativePath) {
  const fs::path before = fs::current_path();
  fs::current_path(folder);
  EXPECT_NO_THROW(write_file_atomically("weights", "new"));
  fs::current_path(before);
  EXPECT_EQ(names(), Names{"weights"});
  EXPECT_EQ(read_file(folder / "weights", any_size), "new");
}

// Seen to fail on: a limit that the size may not reach.
TEST_F(AtomicFileTest, ReadFileRefusesWhatIsTooLarge) {
  const fs::path path = folder / "weights";
  write(path, "12345");
  EXPECT_EQ(read_file(path, 5), "12345");
  EXPECT_EQ(error_text([&] { read_file(path, 4); }),
            path.string() + " has 5 bytes, more than the 4 that such a file may have");
}

TEST_F(AtomicFileTest, ReadFileNamesWhatIsNoFile) {
  const fs::path path = folder / "weights";
  EXPECT_EQ(error_text([&] { read_file(path, any_size); }), path.string() + " does not exist");
  EXPECT_EQ(error_text([&] { read_file(folder, any_size); }), folder.string() + " is not a file");
  EXPECT_EQ(error_text([&] { read_file("/dev/null", any_size); }), "/dev/null is not a file");
}

}  // namespace
}  // namespace kones
