# How every file of kones is compiled.

# The quantizers' contract (docs/design.md, section 3) rules out contraction of a*b+c; the kernels' select-style
# loops vectorise only when the compiler need not keep floating-point traps and errno.
add_compile_options(
  $<$<COMPILE_LANGUAGE:CXX>:-ffp-contract=off>
  $<$<COMPILE_LANGUAGE:CXX>:-fno-trapping-math>
  $<$<COMPILE_LANGUAGE:CXX>:-fno-math-errno>
  $<$<COMPILE_LANGUAGE:CXX>:-Wall>
  $<$<COMPILE_LANGUAGE:CXX>:-Wextra>
  $<$<COMPILE_LANGUAGE:CUDA>:-fmad=false>
  # Messages that name a source file name it as it stands in the tree.
  $<$<COMPILE_LANGUAGE:CXX>:-fmacro-prefix-map=${PROJECT_SOURCE_DIR}/=>)

# ccache takes precompiled headers only with these allowances.
find_program(KONES_CCACHE ccache)
mark_as_advanced(KONES_CCACHE)
if(KONES_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(kones_launcher ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
    ${KONES_CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${kones_launcher})
  set(CMAKE_CUDA_COMPILER_LAUNCHER ${kones_launcher})
endif()
