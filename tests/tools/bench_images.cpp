// Images handed out round and round, past those that cannot be read.
#include "tools/bench/bench_images.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "tests/support/errors.h"
#include "tests/tools/program.h"
#include "tools/vision/image_model.h"

namespace godwit::tools {
namespace {

class BenchImages : public testing::Test {
 protected:
  BenchImages()
      : red(folder.write("1_red.png", plain_png(255, 0, 0))),
        bad(folder.write("2_bad.png", "This is no image.\n")),
        blue(folder.write("3_blue.png", plain_png(0, 0, 255))) {}

  TemporaryDirectory folder;
  std::string red, bad, blue;
};

TEST_F(BenchImages, TheRingLeavesOutWhatIsBad) {
  ImageRing ring({red, bad, blue}, false);
  for (const std::string& path : {red, bad, blue, red}) EXPECT_EQ(ring.next(), path);
  testing::internal::CaptureStderr();
  EXPECT_FALSE(ring.good(bad, "it is bad", {}));
  EXPECT_FALSE(ring.good(bad, "it is bad", {}));  // one that was under way already
  EXPECT_TRUE(ring.good(red, "", {"mended"}));
  EXPECT_TRUE(ring.good(red, "", {"mended"}));
  EXPECT_TRUE(ring.good(blue, "", {}));
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            fmt::format("godwit: it is bad\ngodwit: '{}': warning: mended\n", red));
  for (const std::string& path : {blue, red, blue}) EXPECT_EQ(ring.next(), path);
  ASSERT_EQ(ring.failed().size(), 1U);
  EXPECT_EQ(ring.failed().at(0).path, bad);
  EXPECT_EQ(ring.failed().at(0).error, "it is bad");
}

TEST_F(BenchImages, AStrictRingThrows) {
  ImageRing ring({red, bad}, true);
  EXPECT_EQ(support::error_of([&] { ring.good(bad, "it is bad", {}); }), "it is bad (--strict)");
  EXPECT_EQ(support::error_of([&] { ring.good(red, "", {"mended"}); }),
            fmt::format("'{}': warning: mended (--strict)", red));
}

TEST_F(BenchImages, AnEmptyRingIsAnError) {
  ImageRing ring({bad}, false);
  testing::internal::CaptureStderr();
  EXPECT_FALSE(ring.good(bad, "it is bad", {}));
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "godwit: it is bad\n");
  EXPECT_EQ(support::error_of([&] { ring.next(); }), "nothing is left to measure: 1 image could not be read");
}

// Joules are told for each image, so that a run labels as many as it says.
TEST_F(BenchImages, AWorkloadLabelsAnotherImageInPlaceOfABadOne) {
  vision::ImageModelOptions options;
  options.batch = 2;
  options.threads = 2;
  vision::ImageModel model(save_tiny_model(folder), options);
  ImageRing ring({bad, red, blue}, false);
  const energy::Workload workload = photograph_workload(model, ring);
  EXPECT_EQ(workload.images, 4);
  testing::internal::CaptureStderr();
  workload.run();  // bad, red, blue, bad; then two more: red and blue
  const std::string told = testing::internal::GetCapturedStderr();
  EXPECT_NE(told.find("2_bad.png"), std::string::npos);
  EXPECT_EQ(told.find('\n'), told.size() - 1) << "named once: " << told;
  EXPECT_EQ(ring.failed().size(), 1U);
  workload.run();
  EXPECT_EQ(ring.failed().size(), 1U);
}

}  // namespace
}  // namespace godwit::tools
