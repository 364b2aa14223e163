# Lays down by `cmake --install`: libraries, headers, the program, and the package that find_package(godwit) finds.
include(CMakePackageConfigHelpers)

set(floors runtime ops engine importers vision)

# godwit::godwit is what users link: all floors at once.
add_library(godwit_all INTERFACE)
add_library(godwit::godwit ALIAS godwit_all)
set_target_properties(godwit_all PROPERTIES EXPORT_NAME godwit)
target_link_libraries(godwit_all INTERFACE godwit_vision)

# Libraries that are headers alone are compiled in already; whoever links an install does not need them.
foreach(floor IN LISTS floors)
  get_target_property(links godwit_${floor} INTERFACE_LINK_LIBRARIES)
  foreach(header_only Eigen3::Eigen xsimd nlohmann_json::nlohmann_json)
    list(REMOVE_ITEM links "$<LINK_ONLY:${header_only}>")
  endforeach()
  set_target_properties(godwit_${floor} PROPERTIES INTERFACE_LINK_LIBRARIES "${links}")
endforeach()

list(TRANSFORM floors PREPEND godwit_ OUTPUT_VARIABLE libraries)
install(TARGETS ${libraries} godwit_all EXPORT godwit ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS godwit RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})

# Copies that include each other by <godwit/...>; the build stops where one needs a header that is not public.
include(GodwitPublicHeaders)
list(JOIN GODWIT_PUBLIC_HEADERS " " public_headers)
list(TRANSFORM GODWIT_PUBLIC_HEADERS PREPEND ${PROJECT_SOURCE_DIR}/ OUTPUT_VARIABLE public_sources)
set(public_copies ${PROJECT_BINARY_DIR}/include/godwit)
add_custom_command(OUTPUT ${public_copies}/godwit.h
  COMMAND ${CMAKE_COMMAND} -DSRC=${PROJECT_SOURCE_DIR} -DDST=${public_copies} "-DHEADERS=${public_headers}"
    -P ${PROJECT_SOURCE_DIR}/cmake/godwit_headers.cmake
  DEPENDS ${public_sources} ${PROJECT_SOURCE_DIR}/cmake/godwit_headers.cmake VERBATIM)
add_custom_target(godwit_headers ALL DEPENDS ${public_copies}/godwit.h)
install(DIRECTORY ${public_copies} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/godwit)
install(EXPORT godwit NAMESPACE godwit:: FILE godwitTargets.cmake DESTINATION ${package_dir})
configure_package_config_file(cmake/godwitConfig.cmake.in ${PROJECT_BINARY_DIR}/godwitConfig.cmake
  INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/godwitConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/godwitConfig.cmake ${PROJECT_BINARY_DIR}/godwitConfigVersion.cmake
  DESTINATION ${package_dir})
