// SPDX-License-Identifier: Apache-2.0
#include "engine/base/files.h"

#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/file_size_limit.h"
#include "tests/temporary_folder.h"

namespace lathe {
namespace {

using ::testing::HasSubstr;

TEST(Files, WrittenContentIsReadBack) {
  const TemporaryFolder folder;
  const std::string content("with a \0 byte\nand lines", 23);
  ASSERT_TRUE(write_file_atomic(folder / "a", content).ok());
  EXPECT_EQ(read_file(folder / "a").value(), content);
  EXPECT_EQ(folder.entry_count(), 1u) << "a temporary file was left";
}

TEST(Files, WritingReplacesTheOldFile) {
  const TemporaryFolder folder;
  folder.write("a", "old and longer");
  ASSERT_TRUE(write_file_atomic(folder / "a", "new").ok());
  EXPECT_EQ(read_file(folder / "a").value(), "new");
}

TEST(Files, FailedWriteKeepsTheOldFileAndLeavesNothing) {
  const TemporaryFolder folder;
  folder.write("a", "old");
  {
    const FileSizeLimit full(100);
    const Status written = write_file_atomic(folder / "a", std::string(10000, 'x'));
    ASSERT_FALSE(written.ok());
    EXPECT_EQ(written.error().kind, ErrorKind::resource);
    EXPECT_THAT(written.error().text(), HasSubstr((folder / "a").string()));
  }
  EXPECT_EQ(read_file(folder / "a").value(), "old");
  EXPECT_EQ(folder.entry_count(), 1u);
}

TEST(Files, FolderThatIsNotThereIsNamed) {
  const TemporaryFolder folder;
  const Status written = write_file_atomic(folder / "no/such/file", "x");
  ASSERT_FALSE(written.ok());
  EXPECT_THAT(written.error().text(), HasSubstr("no/such/file"));
  EXPECT_EQ(read_file(folder / "missing").error().kind, ErrorKind::bad_input);
}

TEST(Files, OnlyRegularFilesAreRead) {
  const TemporaryFolder folder;
  EXPECT_THAT(read_file(folder.path()).error().text(), HasSubstr("folder"));
  EXPECT_THAT(MappedFile::open(folder.path()).error().text(), HasSubstr("folder"));
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  EXPECT_THAT(read_file(folder / "pipe").error().text(),
              HasSubstr("regular"));  // and does not wait for a writer
}

TEST(Files, LimitIsKept) {
  const TemporaryFolder folder;
  const auto path = folder.write("a", "12345");
  EXPECT_TRUE(read_file(path, 5).ok());
  EXPECT_EQ(read_file(path, 4).error().kind, ErrorKind::resource);
}

TEST(Files, MappingOutlivesItsFile) {
  const TemporaryFolder folder;
  auto file = MappedFile::open(folder.write("a", "hello mapped")).value();
  const Buffer part = mapped_slice(file, 6, 6);
  file.reset();
  std::filesystem::remove(folder / "a");
  EXPECT_EQ(std::string_view(reinterpret_cast<const char*>(part.data()), part.size()), "mapped");
}

TEST(Files, EmptyFileMaps) {
  const TemporaryFolder folder;
  const auto file = MappedFile::open(folder.write("a", ""));
  ASSERT_TRUE(file.ok());
  EXPECT_TRUE((*file)->bytes().empty());
}

void write_over(const std::filesystem::path& path, const std::string& content) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
}

TEST(Files, FileCutShortReadsAsZeros) {
  const TemporaryFolder folder;
  const auto path = folder.write("a", std::string(100'000, 'x'));
  const auto file = MappedFile::open(path).value();
  EXPECT_TRUE(file->unchanged().ok());
  write_over(path, "short");
  EXPECT_EQ(file->bytes()[50'000], std::byte{0});
  const auto changed = file->unchanged();
  ASSERT_FALSE(changed.ok());
  EXPECT_THAT(changed.error().text(), HasSubstr("written to since it was opened"));
}

TEST(Files, FileReplacedByAnotherStaysAsItWas) {
  const TemporaryFolder folder;
  const auto path = folder.write("a", "before");
  const auto file = MappedFile::open(path).value();
  ASSERT_TRUE(write_file_atomic(path, "after!").ok());
  EXPECT_TRUE(file->unchanged().ok());
  EXPECT_EQ(file->bytes()[0], std::byte{'b'});
}

TEST(Files, ReleasedPagesAreReadAgain) {
  const TemporaryFolder folder;
  const std::string content(100'000, 'y');
  const auto file = MappedFile::open(folder.write("a", content)).value();
  const Buffer bytes = mapped_slice(file, 1, content.size() - 1);
  EXPECT_EQ(bytes.data()[60'000], std::byte{'y'});
  bytes.release_pages();
  EXPECT_EQ(bytes.data()[60'000], std::byte{'y'});
  Buffer own = Buffer::allocate(1 << 20).value();
  own.mutable_data()[5000] = std::byte{7};
  own.release_pages();  // nothing of ours is lost
  EXPECT_EQ(own.data()[5000], std::byte{7});
}

}  // namespace
}  // namespace lathe
