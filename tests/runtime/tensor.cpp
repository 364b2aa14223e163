// Shapes with their checks, and tensors that share memory.
#include "runtime/tensor.h"

#include <array>
#include <atomic>
#include <cstdint>
#include <gtest/gtest.h>
#include <limits>
#include <memory>
#include <thread>
#include <vector>

#include "runtime/error.h"
#include "runtime/memory.h"
#include "tests/support/errors.h"

namespace godwit {
namespace {

using support::error_of;

constexpr std::int64_t kHuge = std::numeric_limits<std::int64_t>::max();

TEST(Shape, TellsItsDimensions) {
  const Shape shape{1, 3, 224, 224};
  EXPECT_EQ(shape.rank(), 4);
  EXPECT_EQ(shape[3], 224);
  EXPECT_TRUE(shape.known());
  EXPECT_EQ(shape.elements(), 150528);
  EXPECT_EQ(shape.product(1, 3), 672);
  EXPECT_EQ(shape.to_string(), "1x3x224x224");
}

TEST(Shape, AScalarHasOneElementAndAnEmptyTensorNone) {
  EXPECT_EQ(Shape().elements(), 1);
  EXPECT_EQ(Shape().to_string(), "scalar");
  EXPECT_EQ((Shape{4, 0, 2}).elements(), 0);
}

TEST(Shape, UnknownDimensionsAndUnknownRank) {
  EXPECT_FALSE((Shape{kAnyDim, 3}).known());
  EXPECT_FALSE((Shape{kAnyDim - 5, 3}).known());
  EXPECT_EQ((Shape{kAnyDim, 3}).to_string(), "?x3");
  EXPECT_FALSE(Shape::unranked().known());
  EXPECT_FALSE(Shape::unranked() == Shape());
  EXPECT_EQ(Shape::unranked().to_string(), "unranked");
}

TEST(Shape, BoundsAreSizesThatOnlyTheDataDecides) {
  const Shape shape{2, at_most(6), 3};
  EXPECT_TRUE(shape.bounded());
  EXPECT_FALSE(shape.known());
  EXPECT_EQ(shape.to_string(), "2x<=6x3");
  EXPECT_EQ(shape.at_bounds(), Shape({2, 6, 3}));
  EXPECT_FALSE(shape.at_bounds().bounded());
  EXPECT_FALSE((Shape{2, kAnyDim, kAnyDim - 3}).bounded());
  EXPECT_FALSE((Shape{at_most(1), kAnyDim}).at_bounds().known());
  EXPECT_TRUE(is_bounded(at_most(0)));
  EXPECT_TRUE(is_bounded(at_most(kHuge)));
  EXPECT_EQ(bound_of(at_most(kHuge)), kLargestBound);
  EXPECT_FALSE(is_bounded(kAnyDim - 1000));
  EXPECT_TRUE(is_symbol(kAnyDim - 1000));
  EXPECT_FALSE(is_symbol(at_most(5)));
  EXPECT_FALSE(is_symbol(kAnyDim));
}

TEST(Tensor, OfABoundedShapeHasRoomForTheBound) {
  const TensorDesc desc{DType::s64, {2, at_most(6)}, Layout::nchw};
  EXPECT_EQ(desc.most_bytes(), 96U);
  EXPECT_EQ(desc.to_string(), "s64 2x<=6");
  Tensor tensor(desc);
  EXPECT_EQ(tensor.capacity(), 96U);
  tensor.set_shape({2, 3});
  EXPECT_EQ(tensor.bytes(), 48U);
  EXPECT_EQ(tensor.values<std::int64_t>().size(), 6U);
  EXPECT_EQ(tensor.capacity(), 96U);
  EXPECT_EQ(Tensor(TensorDesc{DType::f32, {2, at_most(0)}, Layout::nchw}).capacity(), 0U);
  EXPECT_EQ(Tensor(TensorDesc{DType::f32, {5}, Layout::nchw}).capacity(), 20U);
  EXPECT_NE(error_of([] { Tensor(TensorDesc{DType::s64, {3, at_most(kHuge)}, Layout::nchw}); }), "");
}

TEST(Shape, RefusesTooManyDimensionsAndTooManyElements) {
  EXPECT_NE(error_of([] { return Shape(std::vector<std::int64_t>(9, 1)); }), "");
  EXPECT_EQ(error_of([] { return Shape(std::vector<std::int64_t>(8, 1)); }), "");
  EXPECT_NE(error_of([] { return (Shape{kHuge, 2}).elements(); }), "");
  EXPECT_NE(error_of([] { return (Shape{1LL << 32, 1LL << 31}).elements(); }), "");
}

TEST(TensorDesc, SizesAndText) {
  const TensorDesc desc{DType::f32, {1, 3, 2, 2}, Layout::nhwc};
  EXPECT_EQ(desc.bytes(), 48U);
  EXPECT_EQ(desc.to_string(), "f32 1x3x2x2 nhwc");
  EXPECT_EQ((TensorDesc{DType::bf16, {5}, Layout::nchw}).bytes(), 10U);
  EXPECT_NE(error_of([] { return (TensorDesc{DType::f64, {kHuge}, Layout::nchw}).bytes(); }), "");
}

TEST(Tensor, OwnsAlignedMemory) {
  Tensor tensor(TensorDesc{DType::f32, {3, 5}, Layout::nchw});
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(tensor.data()) % kAlignment, 0U);
  tensor.mutable_values<float>()[14] = 7;
  EXPECT_EQ(tensor.values<float>()[14], 7);
  EXPECT_EQ(tensor.values<float>().size(), 15U);
  EXPECT_TRUE(Tensor().empty());
  EXPECT_FALSE(tensor.empty());
}

TEST(Tensor, CopiesShareBytesAndKeepThemAlive) {
  Tensor copy;
  {
    const Tensor tensor = Tensor::of<std::int32_t>({2, 2}, {1, 2, 3, 4});
    copy = tensor.reshaped({4});
    EXPECT_EQ(copy.data(), tensor.data());
  }
  EXPECT_EQ(copy.values<std::int32_t>()[3], 4);
  EXPECT_EQ(copy.shape(), (Shape{4}));
}

TEST(Tensor, ViewsMemoryOfAnotherOwner) {
  auto owner = std::make_shared<std::array<float, 2>>(std::array<float, 2>{1, 2});
  std::weak_ptr<std::array<float, 2>> watch = owner;
  {
    const float* data = owner->data();
    const Tensor tensor({DType::f32, {2}, Layout::nchw}, data, std::move(owner));
    EXPECT_FALSE(watch.expired());
    EXPECT_EQ(tensor.view().as<float>()[1], 2);
  }
  EXPECT_TRUE(watch.expired());
}

TEST(Tensor, RefusesAShapeThatItsValuesDoNotFill) {
  EXPECT_NE(error_of([] { return Tensor::of<float>({3}, {1, 2}); }), "");
  const Tensor tensor = Tensor::of<float>({2}, {1, 2});
  EXPECT_NE(error_of([&] { return tensor.reshaped({3}); }), "");
  EXPECT_NE(error_of([&] { return tensor.reshaped({kAnyDim, 2}); }), "");
}

// Counts how often its bytes are made.
Tensor counted(int& made) {
  return Tensor::on_demand({DType::f32, {3}, Layout::nchw}, [&made] {
    ++made;
    return std::shared_ptr<const void>(std::make_shared<std::array<float, 3>>(std::array{1.0F, 2.0F, 3.0F}));
  });
}

TEST(TensorOnDemand, MakesItsBytesOnlyWhileTheyAreHeld) {
  int made = 0;
  const Tensor tensor = counted(made);
  EXPECT_FALSE(tensor.empty());
  EXPECT_EQ(tensor.bytes(), 12U);
  EXPECT_EQ(made, 0);
  {
    const Tensor held = tensor.resident();
    const Tensor again = tensor.resident();
    EXPECT_EQ(held.data(), again.data());
    EXPECT_EQ(held.values<float>()[2], 3.0F);
    EXPECT_EQ(held.desc(), tensor.desc());
    EXPECT_EQ(made, 1);
  }
  EXPECT_EQ(tensor.resident().values<float>()[1], 2.0F);
  EXPECT_EQ(made, 2);
}

TEST(TensorOnDemand, KeepsItsBytesOnceTheirAddressIsGivenOut) {
  int made = 0;
  const Tensor tensor = counted(made);
  const void* data = tensor.data();
  EXPECT_EQ(tensor.values<float>()[0], 1.0F);
  EXPECT_EQ(tensor.view().data, data);
  EXPECT_EQ(Tensor(tensor).data(), data) << "copies share them";
  EXPECT_EQ(tensor.reshaped({1, 3}).data(), data);
  EXPECT_EQ(tensor.resident().data(), data);
  EXPECT_EQ(made, 1);
}

TEST(TensorOnDemand, HasAnIdentityWithoutBytes) {
  int made = 0;
  const Tensor tensor = counted(made), other = counted(made);
  EXPECT_EQ(tensor.identity(), Tensor(tensor).identity());
  EXPECT_NE(tensor.identity(), other.identity());
  EXPECT_EQ(made, 0);
  const Tensor plain = Tensor::of({1}, {1.0F});
  EXPECT_EQ(plain.identity(), plain.data());
  EXPECT_EQ(plain.resident().data(), plain.data());
}

TEST(TensorOnDemand, IsMadeOnceForManyThreads) {
  std::atomic<int> made = 0;
  const Tensor tensor = Tensor::on_demand({DType::f32, {1}, Layout::nchw}, [&made] {
    ++made;
    return std::shared_ptr<const void>(std::make_shared<float>(7.0F));
  });
  std::vector<std::thread> readers;
  std::atomic<int> wrong = 0;
  for (int i = 0; i < 4; ++i) {
    readers.emplace_back([&] {
      for (int k = 0; k < 100; ++k) wrong += tensor.values<float>()[0] == 7.0F ? 0 : 1;
    });
  }
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(made, 1);
}

}  // namespace
}  // namespace godwit
