"""An interpreter of the PTX that nvcc emits for the kernels of kones.

    parser        text to modules, functions and instructions
    compiler      one PTX function to one Python generator; instructions_* hold what each instruction becomes
    floats        exact arithmetic and conversions of binary16, bfloat16, binary32 and binary64
    integers      prmt, lop3, bfe, dp4a and their like
    memory        the state spaces, with bounds, alignment and initialisation checked
    collectives   what the lanes of a warp do together: vote, shfl, match, redux
    matrix        mma and ldmatrix
    machine       threads, warps, barriers, launches
    records       the launches that the host SIMT layer recorded

What is not known is an error: an instruction, a modifier or an operand that no table here has is refused with its line.
"""
