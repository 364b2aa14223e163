# Every library from outside, in one place. The install's package config repeats this list.
set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)
find_package(OpenMP REQUIRED COMPONENTS CXX)
find_package(Eigen3 3.4 REQUIRED NO_MODULE)
find_package(Boost 1.74 REQUIRED CONFIG)  # headers only: Boost.Math
# Its package takes another major version than the one asked for as a refusal; from 14 on max and min of a NaN differ.
find_package(xsimd REQUIRED)
if(xsimd_VERSION VERSION_LESS 8.1 OR xsimd_VERSION VERSION_GREATER_EQUAL 14)
  message(FATAL_ERROR "godwit needs xsimd 8.1 to 13, but ${xsimd_DIR} has ${xsimd_VERSION}; install another and set xsimd_DIR")
endif()
find_package(fmt 9 REQUIRED)
find_package(nlohmann_json 3.11 REQUIRED)
find_package(Protobuf REQUIRED)
find_package(JPEG REQUIRED)
find_package(ZLIB REQUIRED)
find_package(CLI11 2.1 REQUIRED)
