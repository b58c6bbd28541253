#!/usr/bin/env bash
# Runs test programs in an emulated processor with AVX-512, so that code for it is executed where there is none at hand.
#
#   cmake -S . -B build/static -DSRDGAN_CUDA=OFF -DCMAKE_EXE_LINKER_FLAGS=-static && cmake --build build/static
#   tests/cpp/emulate_avx512.sh [--cpu MODEL] [--need FLAG] [--timeout SECONDS] EXECUTABLE|BUILD_FOLDER...
#
# Bochs, an emulator that knows AVX-512, boots a Linux kernel whose only files are busybox and the programs. It proves
# arithmetic, not speed: every operation on floats is done in software, hundreds of times slower than by a processor.
# It has a single processor, so it proves nothing about threads either. Exits 0 only if every program ran and exited 0.
# Exported variables named SRDGAN_* are passed on to the programs: SRDGAN_TEST_ISA=avx512 runs that alone.
#
# --cpu      a model of `bochs --help cpu`: corei7_icelake_u (the default; AVX-512 with VNNI), corei7_skylake_x (AVX-512
#            without VNNI), arrow_lake (AVX-VNNI, no AVX-512)
# --need     what /proc/cpuinfo must list there, or nothing is run: avx512f (the default), avx512_vnni, avx_vnni
# --timeout  for all together, in seconds of this machine (3600)
#
# Debian packages: bochs (or a build of your own, see below), bochsbios, vgabios, xorriso, isolinux, syslinux-common,
# cpio, busybox-static. Variables: BOCHS, the emulator; KERNEL, a vmlinuz to boot in place of Debian's cloud kernel,
# which is fetched with `apt-get download`; BXSHARE, the folder of the emulator's BIOS.
#
# Debian 12's emulator, Bochs 2.7, fits --cpu corei7_skylake_x alone, as Linux rejects how its newer models describe
# XSAVE; and it is built with a debugger, which makes it several times slower. Bochs 3.0 is better, built in minutes:
#
#   apt-get source --download-only bochs    # with a deb-src line for Debian 13
#   mkdir bochs && tar -xf bochs_3*.orig.tar.xz -C bochs --strip-components=1 && cd bochs
#   ./configure --with-nogui --enable-all-optimizations --enable-cpu-level=6 --enable-x86-64 --enable-avx \
#     --enable-evex --enable-pci --disable-plugins --disable-docbook --disable-readline && make
#   BOCHS=$PWD/bochs
set -euo pipefail

cpu=corei7_icelake_u need=avx512f timeout=3600 programs=()

fail() {
  echo "emulate_avx512.sh: $*" >&2
  exit 2
}

while (($#)); do
  case $1 in
    --cpu | --need | --timeout)
      (($# > 1)) || fail "$1 needs a value"
      declare "${1#--}=$2"
      shift
      ;;
    -*) fail "unknown option $1" ;;
    *) if [[ -d $1 ]]; then programs+=("$1"/test_*); else programs+=("$1"); fi ;;
  esac
  shift
done
((${#programs[@]})) || fail "no program to run"

bochs=${BOCHS:-bochs}
bios=${BXSHARE:-/usr/share/bochs}
isolinux=/usr/lib/ISOLINUX/isolinux.bin
ldlinux=/usr/lib/syslinux/modules/bios/ldlinux.c32
busybox=/bin/busybox
missing=()
command -v "$bochs" >/dev/null || missing+=(bochs)
[[ -e $bios/BIOS-bochs-latest ]] || missing+=(bochsbios)
[[ -e $bios/VGABIOS-lgpl-latest ]] || missing+=(vgabios)
[[ -e $isolinux ]] || missing+=(isolinux)
[[ -e $ldlinux ]] || missing+=(syslinux-common)
# Inside there is no dynamic linker, for busybox as for the programs.
{ [[ -e $busybox ]] && ! ldd $busybox >/dev/null 2>&1; } || missing+=(busybox-static)
for tool in xorriso cpio; do command -v $tool >/dev/null || missing+=($tool); done
((${#missing[@]} == 0)) || fail "missing Debian packages: ${missing[*]}"

work=$(mktemp -d)
emulator=
trap '[[ -z $emulator ]] || kill "$emulator" 2>/dev/null || true; rm -rf "$work"' EXIT
mkdir -p "$work"/{root/bin,root/dev,root/proc,root/tests,iso,kernel}

names=()
for program in "${programs[@]}"; do
  [[ -f $program && -x $program ]] || fail "$program is no program"
  ! ldd "$program" >/dev/null 2>&1 || fail "$program is not linked statically (-DCMAKE_EXE_LINKER_FLAGS=-static)"
  name=$(basename "$program")
  [[ ! -e $work/root/tests/$name ]] || fail "two programs are named $name"
  cp "$program" "$work/root/tests/$name"
  names+=("$name")
done

if [[ -z ${KERNEL:-} ]]; then
  (
    cd "$work/kernel"
    # The metapackage names the kernel of the day.
    image=$(apt-cache depends linux-image-cloud-amd64 | awk '/Depends: linux-image-/ {print $2; exit}')
    apt-get download -qq "${image:?no linux-image-cloud-amd64 in the package lists: apt-get update?}" 2>/dev/null
    dpkg -x ./*.deb .
  ) || fail "could not fetch a kernel: set KERNEL to a vmlinuz"
  KERNEL=$(echo "$work"/kernel/boot/vmlinuz-*)
fi
cp "$KERNEL" "$work/iso/linux"
cp $isolinux $ldlinux "$work/iso/"
cp $busybox "$work/root/bin/"

# What runs inside. Lines that begin with "== " are read below.
{
  echo '#!/bin/busybox sh'
  echo '/bin/busybox mount -t proc proc /proc; /bin/busybox mount -t devtmpfs dev /dev'
  echo 'exec >/dev/ttyS0 2>&1 </dev/null'
  for variable in $(compgen -e SRDGAN_ || true); do printf 'export %s=%q\n' "$variable" "${!variable}"; done
  echo "flags=\" \$(/bin/busybox sed -n '/^flags/{s/.*: //p;q}' /proc/cpuinfo) \""
  echo 'echo "== processor:$(for flag in $flags; do case $flag in avx* | fma) echo -n " $flag" ;; esac; done)"'
  echo "case \$flags in *\" $need \"*)"
  for name in "${names[@]}"; do echo "  echo '== run $name'; /tests/$name; echo \"== $name: exit status \$?\""; done
  echo "  ;; *) echo '== this processor lacks $need' ;; esac"
  # The serial port is slower than the way out.
  echo '/bin/busybox sleep 1; /bin/busybox poweroff -f'
} >"$work/root/init"
chmod +x "$work/root/init"
(cd "$work/root" && find . | cpio --quiet -o -H newc) >"$work/iso/initrd"

# clearcpuid: without FSRM (580), as Bochs has it but not "fast strings" switched on, a mixture with which Linux 6.1
# hangs in memmove; without XSAVEC (321) and XSAVES (323), whose size Bochs 2.7 gets wrong, so that Linux would switch
# AVX off. panic, reboot: what fails ends the emulator. The rest saves time.
cat >"$work/iso/isolinux.cfg" <<'EOC'
default linux
prompt 0
label linux
kernel /linux
append initrd=/initrd console=ttyS0 loglevel=1 clearcpuid=321,323,580 panic=-1 reboot=t mitigations=off nokaslr
EOC
xorriso -as mkisofs -quiet -o "$work/boot.iso" -b isolinux.bin -c boot.cat -no-emul-boot -boot-load-size 4 \
  -boot-info-table "$work/iso" 2>/dev/null

# Debian's build has a screen in a terminal and a debugger that waits for "continue"; the build above has neither.
options=(-q -f "$work/bochsrc") screen=nogui
if [[ $("$bochs" --help 2>&1) == *"-rc "* ]]; then
  echo c >"$work/continue"
  options+=(-rc "$work/continue")
  screen=term
fi
cat >"$work/bochsrc" <<EOC
config_interface: textconfig
display_library: $screen
cpu: model=$cpu, count=1, ips=50000000, reset_on_triple_fault=0
memory: guest=1024, host=1024
romimage: file=$bios/BIOS-bochs-latest
vgaromimage: file=$bios/VGABIOS-lgpl-latest
ata0-master: type=cdrom, path=$work/boot.iso, status=inserted
boot: cdrom
com1: enabled=1, mode=file, dev=$work/serial
log: $work/log
panic: action=fatal
error: action=ignore
info: action=ignore
EOC

touch "$work/serial"
TERM=vt100 timeout --kill-after=5 "$timeout" "$bochs" "${options[@]}" >"$work/screen" 2>&1 </dev/null &
emulator=$!
passed=0
# The clock inside runs at its own pace, so times are taken out here, from the start of this script.
while IFS= read -r line || [[ -n $line ]]; do
  line=${line%$'\r'}
  if [[ $line == "== "* ]]; then echo "$line ($SECONDS s)"; else echo "$line"; fi
  if [[ $line == "== "*": exit status 0" ]]; then passed=$((passed + 1)); fi
done < <(tail --pid=$emulator -n +1 -f "$work/serial")
status=0
wait $emulator 2>/dev/null || status=$?
emulator=
# Bochs leaves with 1 when its machine is switched off; these are the time limit's.
if ((status == 124 || status == 137)); then echo "stopped after $timeout s" >&2; fi
if ! grep -q '^== processor' "$work/serial"; then
  echo "Linux did not start in the emulator:" >&2
  grep -ahs PANIC "$work/screen" "$work/log" >&2 || true
fi
echo "$passed of ${#names[@]} programs passed on $cpu"
((passed == ${#names[@]}))
