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
  target_compile_options(${target} PRIVATE -Wall -Wextra ${godwit_werror} -Wno-unknown-pragmas
    -Wno-psabi
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

# godwit_isa_table(LIBRARY NAMESPACE N HEADER H TYPE T FUNCTION F ENTRIES [ISA SYMBOL]...): makes N::F(), which header H
# declares, give the OfIsa<T> (runtime/kernel_registry.h) of each constant N::SYMBOL.
function(godwit_isa_table library)
  cmake_parse_arguments(TABLE "" "NAMESPACE;HEADER;TYPE;FUNCTION" "ENTRIES" ${ARGN})
  set(declarations "")
  set(entries "")
  while(TABLE_ENTRIES)
    list(POP_FRONT TABLE_ENTRIES isa symbol)
    string(APPEND declarations "extern const ${TABLE_TYPE} ${symbol};\n")
    string(APPEND entries "      {Isa::${isa}, &${symbol}},\n")
  endwhile()
  set(source ${CMAKE_CURRENT_BINARY_DIR}/${TABLE_FUNCTION}.cpp)
  configure_file(${PROJECT_SOURCE_DIR}/cmake/isa_table.cpp.in ${source} @ONLY)
  target_sources(${library} PRIVATE ${source})
endfunction()
