# Headers that users of the library include, and all that these include: nothing else is installed.
set(GODWIT_PUBLIC_HEADERS
  runtime/error.h runtime/float16.h runtime/narrow_numbers.h runtime/dtype.h runtime/dtype.inc runtime/tensor.h
  runtime/cpu.h runtime/isa.h runtime/isa.inc runtime/memory.h runtime/threads.h runtime/image/depth.h runtime/image/image.h
  runtime/image/pipeline.h
  ops/attributes.h ops/epilogue.h ops/hints.h ops/op.h ops/implementation.h
  engine/graph.h engine/pass.h engine/batch_schedule.h engine/choices.h engine/fused_rows.h engine/tail.h engine/plan.h engine/session.h engine/dynamic_session.h
  importers/importer.h
  tools/vision/image_model.h tools/vision/labels.h tools/vision/scores.h)
