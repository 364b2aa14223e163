// Makes a Probe of an architecture. Compiled with the flags of its ISA.
#pragma once

#include "ops/kernels/architecture.h"
#include "ops/kernels/lanes.h"
#include "tests/ops/isa/probe.h"

namespace godwit::ops::probe {

template <class Arch>
struct Functions {
  using F32 = typename Arch::F32;
  using S32 = typename Arch::S32;
  struct Table {
    Function functions[72];
    int count;
  };

  static GODWIT_INLINE F32 floats(const void* p) { return Arch::load(static_cast<const float*>(p)); }
  static GODWIT_INLINE S32 integers(const void* p) { return Arch::load_i32(p); }
  static GODWIT_INLINE void give(Call& call, F32 v) { Arch::store(static_cast<float*>(call.dst), v); }
  static GODWIT_INLINE void give_i32(Call& call, S32 v) { Arch::store_i32(call.dst, v); }

  template <class T>
  struct Stored {
    using Lanes = kernels::Lanes<Arch>;
    using Part = kernels::PartVector<Arch>;
    static const T* from(const Call& call) { return static_cast<const T*>(call.a); }
    static T* to(const Call& call) { return static_cast<T*>(call.dst); }
    static void load(Call& c) { give(c, Arch::load(from(c))); }
    static void store(Call& c) { Arch::store(to(c), floats(c.a)); }
    static void load_part(Call& c) { give(c, Lanes::load_part(from(c), c.count)); }
    static void store_part(Call& c) { Lanes::store_part(to(c), floats(c.a), c.count); }
    static void load_left(Call& c) { give(c, Part{c.count}.load(from(c))); }
    static void store_left(Call& c) { Part{c.count}.store(to(c), floats(c.a)); }
  };

  static constexpr Table make() {
    Table table{};
    const auto add = [&table](const char* name, void (*run)(Call&)) {
      table.functions[table.count++] = {name, run};
    };
#define GODWIT_STORED(name, type)                     \
  add("load_" #name, Stored<type>::load);             \
  add("store_" #name, Stored<type>::store);           \
  add("load_part_" #name, Stored<type>::load_part);   \
  add("store_part_" #name, Stored<type>::store_part); \
  add("load_left_" #name, Stored<type>::load_left);   \
  add("store_left_" #name, Stored<type>::store_left);
    GODWIT_STORED(f32, float)
    GODWIT_STORED(f16, Float16Bits)
    GODWIT_STORED(bf16, BFloat16Bits)
    GODWIT_STORED(u8, std::uint8_t)
    GODWIT_STORED(s8, std::int8_t)
#undef GODWIT_STORED
    add("load_filled_f32", [](Call& c) {
      const float filler = *static_cast<const float*>(c.b);
      give(c, kernels::Lanes<Arch>::load_part(static_cast<const float*>(c.a), c.count, filler));
    });
    add("permute", [](Call& c) { give(c, Arch::permute(floats(c.a), integers(c.b))); });
    add("broadcast", [](Call& c) { give(c, Arch::broadcast(*static_cast<const float*>(c.a))); });
    add("add", [](Call& c) { give(c, floats(c.a) + floats(c.b)); });
    add("sub", [](Call& c) { give(c, floats(c.a) - floats(c.b)); });
    add("mul", [](Call& c) { give(c, floats(c.a) * floats(c.b)); });
    add("div", [](Call& c) { give(c, floats(c.a) / floats(c.b)); });
    add("max", [](Call& c) { give(c, Arch::max(floats(c.a), floats(c.b))); });
    add("min", [](Call& c) { give(c, Arch::min(floats(c.a), floats(c.b))); });
    add("max_or_nan", [](Call& c) { give(c, Arch::max_or_nan(floats(c.a), floats(c.b))); });
    add("round", [](Call& c) { give(c, Arch::round(floats(c.a))); });
    add("exp2_whole", [](Call& c) { give(c, Arch::exp2_whole(floats(c.a))); });
    add("fma", [](Call& c) { give(c, Arch::fma(floats(c.a), floats(c.b), floats(c.c))); });
    add("fma_scalar", [](Call& c) {
      const auto *x = static_cast<const float*>(c.a), *y = static_cast<const float*>(c.b);
      const auto* z = static_cast<const float*>(c.c);
      for (int i = 0; i < Arch::kWidth; ++i)
        static_cast<float*>(c.dst)[i] = Arch::fma_scalar(x[i], y[i], z[i]);
    });
    add("load_i32", [](Call& c) { give_i32(c, integers(c.a)); });
    add("broadcast_i32", [](Call& c) { give_i32(c, Arch::broadcast_i32(c.a)); });
    add("zero_i32", [](Call& c) { give_i32(c, Arch::zero_i32()); });
    add("add_i32", [](Call& c) { give_i32(c, Arch::add_i32(integers(c.a), integers(c.b))); });
    add("to_float", [](Call& c) { give(c, Arch::to_float(integers(c.a))); });
    add("to_i32", [](Call& c) { give_i32(c, Arch::to_i32(floats(c.a))); });
    add("round_i32", [](Call& c) { give_i32(c, Arch::round_i32(floats(c.a))); });
    add("store_bytes_of_one", [](Call& c) {
      const S32 one[1] = {integers(c.a)};
      Arch::store_bytes(static_cast<std::uint8_t*>(c.dst), one);
    });
    add("store_bytes_of_two", [](Call& c) {
      const S32 two[2] = {integers(c.a), integers(c.b)};
      Arch::store_bytes(static_cast<std::uint8_t*>(c.dst), two);
    });
    add("dot", [](Call& c) { give_i32(c, Arch::dot(integers(c.a), integers(c.b), integers(c.c))); });
    add("compress_nonzeros_of_f32", [](Call& c) { compress(c, floats(c.a)); });
    add("compress_nonzeros_of_s32", [](Call& c) { compress(c, integers(c.a)); });
    if constexpr (kernels::HasMaddubs<Arch>) {
      add("maddubs", [](Call& c) { give_i32(c, Arch::maddubs(integers(c.a), c.b)); });
      add("add_maddubs", [](Call& c) { give_i32(c, Arch::add_maddubs(integers(c.c), integers(c.a), c.b)); });
      add("sum_pairs", [](Call& c) { give_i32(c, Arch::sum_pairs(integers(c.a))); });
      add("dot_maddubs", [](Call& c) { give_i32(c, Arch::dot_maddubs(integers(c.c), integers(c.a), c.b)); });
    }
    if constexpr (kernels::HasPairs<Arch>) {
      add("dot_pairs", [](Call& c) { give(c, Arch::dot_pairs(floats(c.c), integers(c.a), integers(c.b))); });
    }
    return table;
  }
  static constexpr Table kTable = make();

  static constexpr Probe probe(const char* architecture) {
    return {architecture,     Arch::kWidth, Arch::kDotDepth, Arch::kStoresClamp, kernels::HasPairs<Arch>,
            kTable.functions, kTable.count};
  }

 private:
  template <class Vector>
  static GODWIT_INLINE void compress(Call& c, Vector v) {
    auto* dst = static_cast<kernels::AnyStep*>(c.dst);
    c.count = Arch::compress_nonzeros(dst, v, c.offset, c.stride) - dst;
  }
};

}  // namespace godwit::ops::probe
