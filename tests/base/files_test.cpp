// SPDX-License-Identifier: Apache-2.0
#include "engine/base/files.h"

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

}  // namespace
}  // namespace lathe
