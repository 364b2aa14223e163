// .npy files: what is written is what NumPy writes, and damaged files are refused with a reason.
#include "runtime/npy.h"

#include <cstring>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>

#include "runtime/error.h"
#include "tests/support/errors.h"
#include "tests/support/temporary_directory.h"

namespace godwit {
namespace {

using support::error_of;
using test::TemporaryDirectory;

std::string contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// A file of the given version around a header's text, which is not padded.
std::string npy(const std::string& header, const std::string& data, int major = 1) {
  std::string file = "\x93NUMPY";
  file += static_cast<char>(major);
  file += '\0';
  for (int i = 0; i < (major == 1 ? 2 : 4); ++i) file += static_cast<char>(header.size() >> (8 * i));
  return file + header + data;
}

std::string refusal(const std::string& file) {
  const TemporaryDirectory directory;
  const std::string path = directory.write("x.npy", file);
  const std::string message = error_of([&] { read_npy(path); });
  EXPECT_TRUE(message.empty() || message.starts_with("'" + path + "': ")) << message;
  return message.empty() ? "" : message.substr(path.size() + 4);
}

TEST(Npy, WritesWhatNumPyWrites) {
  const TemporaryDirectory directory;
  write_npy(directory / "x.npy", Tensor::of<std::uint8_t>({3}, {7, 8, 9}).view());
  std::string expected("\x93NUMPY\x01\x00\x76\x00", 10);
  expected += "{'descr': '|u1', 'fortran_order': False, 'shape': (3,), }";
  expected.resize(127, ' ');
  EXPECT_EQ(contents(directory / "x.npy"), expected + "\n\x07\x08\x09");
}

TEST(Npy, EveryTypeAndRankComesBack) {
  const TemporaryDirectory directory;
  const std::string path = directory / "x.npy";
  for (const Shape& shape : {Shape{}, Shape{4}, Shape{2, 3}, Shape{0, 5}, Shape{1, 2, 1, 2, 1, 2, 1, 2}}) {
    for (const DType dtype :
         {DType::f32, DType::u8, DType::s8, DType::u16, DType::s16, DType::s32, DType::s64, DType::boolean,
          DType::f16, DType::f64, DType::u32, DType::u64, DType::bf16}) {
      Tensor tensor({dtype, shape, Layout::nchw});
      auto* bytes = static_cast<unsigned char*>(tensor.mutable_data());
      for (std::size_t i = 0; i < tensor.bytes(); ++i) {
        bytes[i] = static_cast<unsigned char>(dtype == DType::boolean ? i % 2 : i * 37);
      }
      write_npy(path, tensor.view());
      const Tensor back = read_npy(path);
      ASSERT_EQ(back.desc(), tensor.desc());
      ASSERT_EQ(std::memcmp(back.data(), tensor.data(), tensor.bytes()), 0) << tensor.desc().to_string();
    }
  }
}

TEST(Npy, ReadsOtherVersionsSpellingsAndBytesThatAreNoBool) {
  const TemporaryDirectory directory;
  const std::string spelled = "{\"shape\":(2,),'fortran_order':False,\"descr\":'|V2'}";
  for (const int major : {1, 2, 3}) {
    const Tensor tensor = read_npy(directory.write("x.npy", npy(spelled, "abcd", major)));
    EXPECT_EQ(tensor.desc(), (TensorDesc{DType::bf16, {2}, Layout::nchw}));
  }
  const Tensor flags =
      read_npy(directory.write("b.npy", npy("{'descr': '|b1', 'fortran_order': False, 'shape': (3,), }",
                                            std::string("\x00\x01\x07", 3))));
  EXPECT_FALSE(flags.values<bool>()[0]);
  EXPECT_TRUE(flags.values<bool>()[1]);
  EXPECT_TRUE(flags.values<bool>()[2]);
}

TEST(Npy, RefusesWithAReason) {
  const auto with = [](const std::string& descr, const std::string& order, const std::string& shape,
                       const std::string& data) {
    return npy("{'descr': " + descr + ", 'fortran_order': " + order + ", 'shape': " + shape + ", }\n", data);
  };
  EXPECT_EQ(refusal(with("'<f4'", "False", "(1,)", "abcd")), "");
  EXPECT_EQ(refusal(with("'<f4'", "True", "(1,)", "abcd")),
            "it is in Fortran order, expected C order (numpy.ascontiguousarray)");
  EXPECT_EQ(refusal(with("'>f4'", "False", "(1,)", "abcd")),
            "its element type '>f4' is not supported, expected little-endian numbers such as '<f4'");
  EXPECT_EQ(refusal(with("'|O'", "False", "(1,)", "abcd")),
            "its element type '|O' is not supported, expected little-endian numbers such as '<f4'");
  EXPECT_EQ(refusal(with("[('a', '<f4')]", "False", "(1,)", "abcd")),
            "its elements are structures, expected one number each");
  EXPECT_EQ(refusal(with("'<f4'", "False", "(2,)", "abcd")), "f32 2 needs 8 bytes of data, the file has 4");
  EXPECT_EQ(refusal(with("'<f4'", "False", "(1,)", "abcde")), "f32 1 needs 4 bytes of data, the file has 5");
  EXPECT_NE(refusal(with("'<f4'", "False", "(4611686018427387904, 4)", "")), "");
  EXPECT_NE(refusal(with("'<f4'", "False", "(9223372036854775807,)", "")), "");
  EXPECT_NE(refusal(with("'<f4'", "False", "(99999999999999999999,)", "")), "");
  EXPECT_NE(refusal(with("'<f4'", "False", "(-1,)", "")), "");
  EXPECT_NE(refusal(with("'<f4'", "False", "(1, 1, 1, 1, 1, 1, 1, 1, 1)", "abcd")), "");
  EXPECT_NE(refusal(with("'<f4'", "Maybe", "(1,)", "abcd")), "");
  EXPECT_EQ(refusal(""), "not an .npy file");
  EXPECT_EQ(refusal("\x93NUMPY"), "not an .npy file");
  EXPECT_EQ(refusal("PK\x03\x04 this is an .npz file"), "not an .npy file");
  EXPECT_EQ(refusal(npy("{}", "", 9)), "its format version is 9, expected 1, 2 or 3");
  EXPECT_EQ(refusal(npy("{'descr': '<f4'}", "")),
            "its header is malformed, expected the keys descr, fortran_order and shape");
  EXPECT_NE(refusal(npy("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (), }", "abcd")),
            "");
  EXPECT_NE(refusal(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (), 'x': 1}", "abcd")), "");
}

TEST(Npy, EveryTruncationIsRefused) {
  const std::string whole =
      npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 1), }\n", "abcdefgh", 2);
  for (std::size_t size = 0; size < whole.size(); ++size)
    ASSERT_NE(refusal(whole.substr(0, size)), "") << size;
  EXPECT_EQ(refusal(whole), "");
}

TEST(Npy, LayoutsOtherThanRowMajorAreNotWritten) {
  const TemporaryDirectory directory;
  const Tensor tensor({DType::f32, {1, 2, 2, 2}, Layout::nhwc});
  EXPECT_NE(error_of([&] { write_npy(directory / "x.npy", tensor.view()); }), "");
  EXPECT_TRUE(std::filesystem::is_empty(directory.path()));
}

TEST(NpyWriter, RowsBecomeOneArray) {
  const TemporaryDirectory directory;
  const std::string path = directory / "x.npy";
  NpyWriter writer(path, {2, 3});
  writer.append(std::vector<float>{1, 2, 3});
  EXPECT_FALSE(std::filesystem::exists(path));
  EXPECT_NE(error_of([&] { writer.finish(); }), "");
  EXPECT_NE(error_of([&] { writer.append(std::vector<float>(4)); }), "");
  writer.append(std::vector<float>{4, 5, 6});
  writer.finish();
  const Tensor tensor = read_npy(path);
  EXPECT_EQ(tensor.shape(), (Shape{2, 3}));
  for (std::size_t i = 0; i < 6; ++i) EXPECT_EQ(tensor.values<float>()[i], static_cast<float>(i + 1));
}

TEST(OutputFile, AnUnfinishedFileLeavesNothingAndTheOldOneInPlace) {
  const TemporaryDirectory directory;
  const std::string path = directory.write("x", "old");
  {
    OutputFile file(path);
    file.write("new", 3);
  }
  EXPECT_EQ(contents(path), "old");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(directory.path()), {}), 1);
  {
    OutputFile file(path);
    file.write("new", 3);
    file.commit();
  }
  EXPECT_EQ(contents(path), "new");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(directory.path()), {}), 1);
}

TEST(OutputFile, ALinkKeepsPointingAndADeviceStaysADevice) {
  const TemporaryDirectory directory;
  const std::string target = directory.write("target", "old"), link = directory / "link";
  std::filesystem::create_symlink(target, link);
  OutputFile file(link);
  file.write("new", 3);
  file.commit();
  EXPECT_TRUE(std::filesystem::is_symlink(link));
  EXPECT_EQ(contents(target), "new");

  OutputFile null("/dev/null");
  null.write("x", 1);
  null.commit();
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/null"));
}

TEST(OutputFile, AWriteProtectedFileIsLeftAlone) {
  const TemporaryDirectory directory;
  const std::string path = directory.write("x", "old"), link = directory / "link";
  std::filesystem::create_symlink(path, link);
  std::filesystem::permissions(path, std::filesystem::perms::owner_read);
  for (const std::string& name : {path, link}) {
    EXPECT_EQ(error_of([&] { OutputFile file(name); }),
              "cannot write '" + name + "': the file there is write-protected; name another");
  }
  EXPECT_EQ(contents(path), "old");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(directory.path()), {}), 2);
}

TEST(OutputFile, PermissionsStay) {
  const TemporaryDirectory directory;
  const std::string path = directory.write("x", "old");
  const auto mine = std::filesystem::perms::owner_read | std::filesystem::perms::owner_write;
  std::filesystem::permissions(path, mine);
  OutputFile file(path);
  file.write("new");
  file.commit();
  EXPECT_EQ(contents(path), "new");
  EXPECT_EQ(std::filesystem::status(path).permissions(), mine);
}

TEST(OutputFile, SmallAndLargePiecesFollowEachOther) {
  const TemporaryDirectory directory;
  const std::string path = directory / "x";
  OutputFile file(path);
  std::string wanted;
  for (const std::size_t bytes : {3, 65530, 10, 65536, 65537, 200000, 1}) {
    const std::string piece(bytes, static_cast<char>('a' + wanted.size() % 26));
    file.write(piece);
    wanted += piece;
    EXPECT_EQ(file.size(), wanted.size());
  }
  file.pad_to(4096);
  wanted.resize((wanted.size() + 4095) / 4096 * 4096, '\0');
  file.pad_to(4096);
  file.commit();
  EXPECT_TRUE(contents(path) == wanted);
}

TEST(OutputFile, ErrorsNameThePath) {
  const TemporaryDirectory directory;
  const std::string nowhere = directory / "no/such/file";
  EXPECT_EQ(error_of([&] { OutputFile file(nowhere); }),
            "cannot write '" + nowhere + "': No such file or directory");
  const std::string folder = directory.path().string();
  EXPECT_EQ(error_of([&] { OutputFile file(folder); }), "cannot write '" + folder + "': Is a directory");
}

}  // namespace
}  // namespace godwit
