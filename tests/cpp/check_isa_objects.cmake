# Code of a header that is not inlined is in the object of every source that uses it, and the linker keeps any of them: in an
# object of AVX-512, say, it would end programs on processors without. So the objects of single instruction sets may have none.
#
#   cmake -DNM=nm "-DOBJECTS=one.o;other.o" -P check_isa_objects.cmake
set(checked 0)
foreach(object ${OBJECTS})
  if(NOT object MATCHES "_(avx|neon)[a-z0-9_]*\\.cpp\\.o$")
    continue()
  endif()
  execute_process(COMMAND ${NM} ${object} OUTPUT_VARIABLE symbols COMMAND_ERROR_IS_FATAL ANY)
  string(REGEX MATCHALL "[^\n]* [Wu] [^\n]*" shared "${symbols}")
  if(shared)
    message(FATAL_ERROR "${object} has code that other objects may have, too: ${shared}")
  endif()
  math(EXPR checked "${checked} + 1")
endforeach()
if(checked EQUAL 0)
  message(FATAL_ERROR "no object of an instruction set among ${OBJECTS}")
endif()
message(STATUS "${checked} objects")
