# bpf_program(name): bpf/<name>.bpf.c becomes <name>.skel.h, with target bpf::<name> to link.
find_program(CLANG clang REQUIRED)
find_program(BPFTOOL bpftool PATHS /usr/sbin REQUIRED)
pkg_check_modules(LIBBPF REQUIRED IMPORTED_TARGET libbpf)

add_custom_target(bpf_skeletons)

function(bpf_program name)
  set(source ${CMAKE_CURRENT_SOURCE_DIR}/bpf/${name}.bpf.c)
  set(folder ${CMAKE_CURRENT_BINARY_DIR}/bpf)
  set(object ${folder}/${name}.bpf.o)
  set(skeleton ${folder}/${name}.skel.h)
  file(MAKE_DIRECTORY ${folder})

  # -g makes the type information that CO-RE needs. Debian has <asm/types.h> in a folder of the
  # architecture, which clang does not look into for the bpf target. The object is embedded: no paths of this machine.
  add_custom_command(OUTPUT ${object}
    COMMAND ${CLANG} --target=bpf -mcpu=v3 -O2 -g -Wall -Wextra -Werror -Wno-unused-parameter
            -ffile-prefix-map=${PROJECT_SOURCE_DIR}=. -fdebug-compilation-dir=.
            -I${PROJECT_SOURCE_DIR} -idirafter /usr/include/${CMAKE_LIBRARY_ARCHITECTURE}
            -MD -MF ${object}.d -c ${source} -o ${object}
    DEPENDS ${source} DEPFILE ${object}.d VERBATIM)
  add_custom_command(OUTPUT ${skeleton}
    COMMAND ${BPFTOOL} gen skeleton ${object} name ${name}_bpf > ${skeleton}
    DEPENDS ${object} VERBATIM)
  add_custom_target(${name}_skeleton DEPENDS ${skeleton})
  add_dependencies(bpf_skeletons ${name}_skeleton)

  add_library(bpf_${name} INTERFACE)
  add_library(bpf::${name} ALIAS bpf_${name})
  add_dependencies(bpf_${name} ${name}_skeleton)
  target_include_directories(bpf_${name} SYSTEM INTERFACE ${folder})
  target_link_libraries(bpf_${name} INTERFACE PkgConfig::LIBBPF)
endfunction()
