// The kernel that measures the peak.
#include "tests/ops/kernels/check.h"
#include "tests/ops/kernels/elements.h"

namespace godwit::support {

void check(const ops::Kernel<ops::PeakKernel>& kernel) {
  // Chain i begins with i, and each round halves it and adds 1.
  for (const std::int64_t rounds : {0, 1, 7, 100}) {
    double expected = 0;
    for (int i = 0; i < ops::kPeakChains; ++i) {
      double chain = i;
      for (std::int64_t r = 0; r < rounds; ++r) chain = chain * 0.5 + 1;
      expected += chain;
    }
    EXPECT_NEAR(kernel(rounds), expected, gamma(2 * rounds + ops::kPeakChains) * expected);
  }
}

}  // namespace godwit::support
