# Objects whose code is for one instruction set.

# godwit_isa_objects(LIBRARY ISA SOURCES...): compiles the sources with the flags of one ISA, godwit_isa_flags_<ISA>, and
# puts their objects into a library. Always optimised, in every build type: unoptimised vector code is of no use, and
# helpers that are not inlined would be shared with code built for other CPUs. tools/lint reads the ISA's name from the
# objects' folder.
function(godwit_isa_objects library isa)
  set(target ${library}_isa_${isa})
  add_library(${target} OBJECT ${ARGN})
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR})
  # Hot loops begin with a cache line: how many entries of the decoded instructions' cache one of 90 bytes takes, and
  # with that its speed, would otherwise change with whatever is compiled before it.
  target_compile_options(${target} PRIVATE -Wall -Wextra -Werror -Wno-unknown-pragmas -Wno-psabi
    -O3 -falign-loops=64 -ffp-contract=off -fno-sanitize=all ${godwit_isa_flags_${isa}}
    # Line numbers suffice, and tracking variables through unrolled kernels takes the compiler minutes.
    $<$<CONFIG:Debug,RelWithDebInfo>:-g1>)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # GCC 12's own _mm512_undefined_ps() reads an uninitialised variable, by intent.
    target_compile_options(${target} PRIVATE -Wno-uninitialized -Wno-maybe-uninitialized)
  endif()
  target_link_libraries(${target} PRIVATE xsimd)
  target_sources(${library} PRIVATE $<TARGET_OBJECTS:${target}>)
endfunction()
