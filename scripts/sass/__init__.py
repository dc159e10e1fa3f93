"""Assertions on the machine code (SASS) of CUDA kernels; scripts/check_sass is the program."""
