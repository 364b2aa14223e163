// Choosing among implementations, the cache of packed weights, and the reference as the implementation of
// last resort.
#include "ops/implementation.h"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <new>

#include "runtime/error.h"
#include "runtime/memory.h"
#include "runtime/nearest_name.h"

namespace godwit::ops {
namespace {

// Copies between a tensor's own layout and row-major N, C, spatial order.
void reorder(const TensorDesc& desc, const std::byte* src, std::byte* dst, bool to_nchw) {
  const Shape& shape = desc.shape;
  const std::size_t size = size_of(desc.dtype);
  const std::int64_t channels = shape[1];
  const std::int64_t spatial = shape.product(2, shape.rank());
  for (std::int64_t n = 0; n < shape[0]; ++n) {
    for (std::int64_t c = 0; c < channels; ++c) {
      for (std::int64_t s = 0; s < spatial; ++s) {
        const auto nchw = static_cast<std::size_t>((n * channels + c) * spatial + s) * size;
        const auto nhwc = static_cast<std::size_t>((n * spatial + s) * channels + c) * size;
        if (to_nchw) {
          std::memcpy(dst + nchw, src + nhwc, size);
        } else {
          std::memcpy(dst + nhwc, src + nchw, size);
        }
      }
    }
  }
}

// A node kept by value, since an executable outlives the graph that it was made from.
class ReferenceExecutable final : public Executable {
 public:
  ReferenceExecutable(const OpDef& op, const NodeView& node)
      : op_(op), name_(node.name), attributes_(node.attributes), epilogue_(node.epilogue) {
    // Operands point into these vectors, which therefore never grow again.
    src_descs_.reserve(node.inputs.size());
    constants_.reserve(node.inputs.size());
    std::size_t offset = 0;
    const auto place = [&offset](const TensorDesc& desc) {
      const std::size_t at = offset;
      if (desc.layout == Layout::nhwc) offset += align_up(desc.bytes());
      return at;
    };
    for (const Operand& operand : node.inputs) {
      src_descs_.push_back(operand.present() ? *operand.desc : TensorDesc{});
      constants_.push_back(operand.constant != nullptr ? *operand.constant : Tensor{});
      operands_.push_back({operand.present() ? &src_descs_.back() : nullptr,
                           operand.constant != nullptr ? &constants_.back() : nullptr});
      src_offsets_.push_back(operand.present() ? place(*operand.desc) : 0);
    }
    for (const TensorDesc& desc : node.outputs) {
      dst_descs_.push_back(desc);
      dst_offsets_.push_back(place(desc));
    }
    bounded_ = has_bounds(node);
    views_offset_ = offset;
    scratch_ = offset + (src_descs_.size() + dst_descs_.size()) * sizeof(TensorView);
  }

  Scratch scratch() const override { return {.shared = scratch_, .per_worker = 0}; }

  void run(const RunArgs& args, const Worker& worker) const override {
    if (worker.index != 0) return;
    auto* src = new (args.shared_scratch + views_offset_) TensorView[src_descs_.size() + dst_descs_.size()];
    TensorView* dst = src + src_descs_.size();
    for (std::size_t i = 0; i < src_descs_.size(); ++i) {
      if (!operands_[i].present() || args.src[i] == nullptr) continue;
      src[i] = {src_descs_[i], const_cast<void*>(args.src[i])};
      if (src_descs_[i].shape.bounded()) src[i].desc.shape = *args.src_shapes[i];
      if (src_descs_[i].layout == Layout::nhwc) {
        std::byte* plain = args.shared_scratch + src_offsets_[i];
        reorder(src_descs_[i], static_cast<const std::byte*>(args.src[i]), plain, true);
        src[i] = {{src_descs_[i].dtype, src_descs_[i].shape, Layout::nchw}, plain};
      }
    }
    for (std::size_t i = 0; i < dst_descs_.size(); ++i) {
      dst[i] = {dst_descs_[i], args.dst[i]};
      if (dst_descs_[i].layout == Layout::nhwc) {
        dst[i] = {{dst_descs_[i].dtype, dst_descs_[i].shape, Layout::nchw},
                  args.shared_scratch + dst_offsets_[i]};
      }
    }
    const NodeView node{name_, attributes_, operands_, dst_descs_.size(), dst_descs_, epilogue_};
    if (bounded_) find_extents(node, args, {src, src_descs_.size()}, {dst, dst_descs_.size()});
    op_.reference(node, std::span(src, src_descs_.size()), std::span(dst, dst_descs_.size()));
    for (std::size_t i = 0; i < dst_descs_.size(); ++i) {
      if (dst_descs_[i].layout == Layout::nhwc) {
        reorder(dst_descs_[i], static_cast<const std::byte*>(dst[i].data),
                static_cast<std::byte*>(args.dst[i]), false);
      }
    }
  }

 private:
  void find_extents(const NodeView& node, const RunArgs& args, std::span<const TensorView> src,
                    std::span<TensorView> dst) const {
    extents_of(op_)(node, src, dst);
    for (std::size_t i = 0; i < dst.size(); ++i) {
      if (dst_descs_[i].shape.bounded()) *args.dst_shapes[i] = dst[i].desc.shape;
    }
  }

  const OpDef& op_;
  std::string name_;
  Attributes attributes_;
  Epilogue epilogue_;
  std::vector<Operand> operands_;
  std::vector<TensorDesc> src_descs_, dst_descs_;
  std::vector<Tensor> constants_;
  std::vector<std::size_t> src_offsets_, dst_offsets_;
  std::size_t views_offset_ = 0;
  std::size_t scratch_ = 0;
  bool bounded_ = false;
};

}  // namespace

std::shared_ptr<const std::byte> WeightCache::get(const Tensor& constant, const std::string& format,
                                                  std::size_t bytes,
                                                  const std::function<void(std::byte*)>& make) {
  const std::lock_guard lock(mutex_);
  Entry& entry = entries_[{constant.identity(), format}];
  if (entry.packed == nullptr) {
    std::shared_ptr<std::byte> block = take(bytes);
    make(block.get());
    entry = {constant, std::move(block), bytes};
  }
  return entry.packed;
}

std::shared_ptr<std::byte> WeightCache::take(std::size_t bytes) {
  constexpr std::size_t kSlab = std::size_t{32} << 20;
  const std::size_t padded = align_up(bytes);
  if (padded > kSlab / 2) return allocate_aligned(bytes);
  if (padded > slab_left_) {
    slab_ = allocate_aligned(kSlab);
    slab_next_ = slab_.get();
    slab_left_ = kSlab;
  }
  std::shared_ptr<std::byte> part(slab_, slab_next_);
  slab_next_ += padded;
  slab_left_ -= padded;
  return part;
}

std::size_t WeightCache::bytes() const {
  const std::lock_guard lock(mutex_);
  std::size_t total = 0;
  for (const auto& [key, entry] : entries_) total += entry.bytes;
  return total;
}

std::unique_ptr<Executable> prepare_reference(const OpDef& op, const NodeView& node) {
  return std::make_unique<ReferenceExecutable>(op, node);
}

std::vector<std::string_view> implementation_names() {
  std::vector<std::string_view> names;
  for (const OpDef* op : all_ops()) {
    for (const Implementation* implementation : op->implementations) names.push_back(implementation->name);
  }
  std::ranges::sort(names);
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

void require_implementations(const Target& target) {
  if (target.without.empty()) return;
  const std::vector<std::string_view> known = implementation_names();
  for (const std::string& name : target.without) {
    if (std::ranges::binary_search(known, std::string_view(name))) continue;
    if (name == "reference")
      throw Error("the reference cannot be left out: it runs what no other implementation takes");
    throw Error(fmt::format("there is no implementation '{}'{} (there are {})", name,
                            did_you_mean(name, known), fmt::join(known, ", ")));
  }
}

namespace {

// Loops over vectors need no case for tensors without elements: references take those.
bool has_empty_tensor(const NodeView& node) {
  const auto empty = [](const TensorDesc& desc) {
    return std::ranges::find(desc.shape.dims(), 0) != desc.shape.dims().end();
  };
  const auto empty_operand = [&](const Operand& operand) {
    return operand.present() && empty(*operand.desc);
  };
  return std::ranges::any_of(node.inputs, empty_operand) || std::ranges::any_of(node.outputs, empty);
}

std::size_t best_of(const std::vector<Candidate>& candidates) {
  // The reference, at the end, takes every node.
  std::size_t chosen = 0;
  while (!candidates[chosen].rejected.empty()) ++chosen;
  for (std::size_t i = chosen + 1; i < candidates.size(); ++i) {
    const Candidate& other = candidates[i];
    const Candidate& best = candidates[chosen];
    if (other.rejected.empty() && other.cost && best.cost && *other.cost < *best.cost) chosen = i;
  }
  return chosen;
}

std::size_t index_of(const std::vector<Candidate>& candidates, std::string_view name, const OpDef& op) {
  const auto found = std::ranges::find(candidates, name, &Candidate::implementation);
  if (found == candidates.end()) {
    std::string known;
    for (const Candidate& candidate : candidates)
      known += fmt::format("{}{}", known.empty() ? "" : ", ", candidate.implementation);
    throw Error(fmt::format("{} has no implementation '{}'; it has {}", op.name, name, known));
  }
  if (!found->rejected.empty())
    throw Error(fmt::format("implementation '{}' cannot take it: {}", name, found->rejected));
  return static_cast<std::size_t>(found - candidates.begin());
}

}  // namespace

std::vector<Candidate> explain(const OpDef& op, const NodeView& node, const Target& target,
                               std::string_view forced) {
  std::vector<Candidate> candidates;
  const bool bounded = has_bounds(node), empty = has_empty_tensor(node);
  for (const Implementation* implementation : op.implementations) {
    Candidate candidate{implementation->name, "", std::nullopt, false};
    if (std::ranges::find(target.without, implementation->name) != target.without.end()) {
      candidate.rejected = "left out (--without)";
    } else if (bounded) {
      candidate.rejected = "needs sizes that are known when the model is compiled";
    } else if (empty) {
      candidate.rejected = "needs tensors that have elements";
    } else {
      candidate.rejected = implementation->reject(node, target);
    }
    if (candidate.rejected.empty() && implementation->cost != nullptr)
      candidate.cost = implementation->cost(node, target);
    candidates.push_back(std::move(candidate));
  }
  candidates.push_back({"reference", "", std::nullopt, false});

  candidates[forced.empty() ? best_of(candidates) : index_of(candidates, forced, op)].chosen = true;
  return candidates;
}

const Implementation* choose(const OpDef& op, const NodeView& node, const Target& target,
                             std::string_view forced) {
  const std::vector<Candidate> candidates = explain(op, node, target, forced);
  const auto chosen =
      static_cast<std::size_t>(std::ranges::find_if(candidates, &Candidate::chosen) - candidates.begin());
  return chosen < op.implementations.size() ? op.implementations[chosen] : nullptr;
}

std::unique_ptr<Executable> prepare(const OpDef& op, const NodeView& node, const PrepareContext& context,
                                    std::string_view* chosen) {
  const Implementation* implementation = choose(op, node, context.target, context.forced);
  if (chosen != nullptr) *chosen = implementation != nullptr ? implementation->name : "reference";
  return implementation != nullptr ? implementation->prepare(node, context) : prepare_reference(op, node);
}

}  // namespace godwit::ops
