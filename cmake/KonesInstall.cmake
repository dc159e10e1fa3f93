# What `cmake --install` puts under the prefix: the headers as they are included, the libraries, the program kones, and
# the package that find_package(kones) reads (konesConfig.cmake.in says how). Every component has its own file of
# targets, so that a project which asks for core alone never meets LibTorch or CUDA.
include(CMakePackageConfigHelpers)

set(kones_package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/kones)
set(kones_components)

# kones_install_component(<component> <target> <folder>): the library, and the folder's headers.
function(kones_install_component component target folder)
  install(TARGETS ${target} EXPORT kones-${component}
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
  install(EXPORT kones-${component}
    NAMESPACE kones:: DESTINATION ${kones_package_folder} FILE kones-${component}-targets.cmake)
  # Folders without a public header are left out whole: the programs', and the CUDA registrations'.
  install(DIRECTORY ${folder}/kones DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
    FILES_MATCHING PATTERN "*.h" PATTERN "*.cuh"
    PATTERN "torch/cli" EXCLUDE
    PATTERN "torch/train/recipes" EXCLUDE
    PATTERN "kones/onnx" EXCLUDE
    PATTERN "torch/ops/cuda" EXCLUDE)
  set(kones_components ${kones_components} ${component} PARENT_SCOPE)
endfunction()

kones_install_component(core kones_core csrc)
if(KONES_ONNX)
  install(TARGETS kones_onnx RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
if(KONES_CUDA)
  kones_install_component(cuda kones_cuda cuda)
endif()
if(KONES_TORCH)
  kones_install_component(torch kones_torch torch_ext)
  install(TARGETS kones RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()

configure_package_config_file(cmake/konesConfig.cmake.in ${PROJECT_BINARY_DIR}/konesConfig.cmake
  INSTALL_DESTINATION ${kones_package_folder})
# Before version 1 a new minor version may change the interface.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/konesConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/konesConfig.cmake ${PROJECT_BINARY_DIR}/konesConfigVersion.cmake
  DESTINATION ${kones_package_folder})
