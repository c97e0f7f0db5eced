#!/usr/bin/env bash
# Runs the tests of kernel set amx, and some of the surrogate engine with it, on a CPU with AMX that Bochs
# emulates, under Linux, which must grant the tiles: whatever this machine has. The first time it installs
# packages and builds Bochs, some ten minutes; a run takes two to five.
#
# It needs Debian or a system like it, and apt-get; else it fails.
set -euo pipefail
cd "$(dirname "$0")/.."

release=trixie # has Bochs 3.0, the first with AMX, and a Linux that boots in it
work=${XDG_CACHE_HOME:-$HOME/.cache}/understudy/amx
mkdir -p "$work"/{lists/partial,lists/auxfiles,packages,root}

# apt reads only that release, from where this machine has its own.
mirror=$(apt-get indextargets --format '$(LABEL) $(REPO_URI)' | awk '$1 == "Debian" {print $2; exit}')
key=/usr/share/keyrings/debian-archive-keyring.gpg
printf "deb%s [signed-by=$key] $mirror $release main\n" "" -src >"$work/sources.list"
apt() {
	local tool=$1
	shift
	"$tool" -q -o Dir::Etc::SourceList="$work/sources.list" -o Dir::Etc::SourceParts=/dev/null -o Dir::State::Lists="$work/lists" \
		-o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= -o APT::Sandbox::User="$(id -un)" "$@"
}

if [ ! -x "$work/bochs" ]; then
	echo "emulated-amx: fetching packages"
	apt apt-get update >"$work/log" 2>&1
	kernel=$(apt apt-cache depends linux-image-cloud-amd64 | awk '/Depends:/ {print $2; exit}')
	# A missing description of the source does no harm: apt checks the source itself, too.
	(cd "$work/packages" &&
		apt apt-get download bochsbios vgabios isolinux syslinux-common "$kernel" &&
		{ apt apt-get source --download-only bochs || true; }) >>"$work/log" 2>&1
	for p in "$work"/packages/*.deb; do dpkg -x "$p" "$work/root"; done
	echo "emulated-amx: building Bochs, log in $work/log"
	rm -rf "$work/source" && mkdir "$work/source"
	tar -xf "$work"/packages/bochs_*.orig.tar.* -C "$work/source" --strip-components=1
	(
		cd "$work/source"
		# What Bochs 3.0 does differently from the CPU (Intel, Software Developer's Manual): TDPBUSD takes
		# weights as unsigned; ...
		sed -i '/DPBDUS(Bit32u x/,/^}/{/ybyte\[4\] =/s/Bit8u/Bit8s/g}' cpu/avx/amx.cc
		# ... saving tiles swaps their rows and bytes, keeps half of the rows, and only while they are unused; ...
		sed -i -e '/vmm16u(8+n) /s/\.rows/.bytes_per_row/' -e '/vmmubyte(48+n) =/s/\.bytes_per_row/.rows/' \
			-e '/::xsave_tiledata_state_xinuse/,/^}/s/== 0/!= 0/' -e 's/row < BX_TILE_REGISTERS/row < BX_TILE_MAX_ROWS/' cpu/xsave.cc
		# ... and there is no extended feature disable (XFD, volume 1, section 13.14), without which Linux
		# grants no tiles: a first use traps.
		sed -i '/^class BOCHSAPI BX_CPU_C/i extern Bit64u amx_xfd, amx_xfd_error;' cpu/cpu.h
		sed -i -e '/leaf->eax |= (1<<3);/a leaf->eax |= 1<<4;' \
			-e '/leaf->ecx = (cpu->ia32_xss_suppmask & (1 << subfunction)) != 0;/a if (subfunction == 18) leaf->ecx |= 1<<2;' cpu/cpuid.cc
		sed -i -e '/msr_desc\[BX_MSR_XSS\] =/a msr_desc[BX_MSR_IA32_XFD] = new MSR_Descriptor("XFD", BX_ISA_AMX); msr_desc[BX_MSR_IA32_XFD_ERROR] = new MSR_Descriptor("XFD_ERR", BX_ISA_AMX);' \
			-e '/::rdmsr(/,/^}/{/case BX_MSR_XSS:/i case BX_MSR_IA32_XFD: val64 = amx_xfd; break;\ncase BX_MSR_IA32_XFD_ERROR: val64 = amx_xfd_error; break;
				}' \
			-e '/::wrmsr(/,/^}/{/case BX_MSR_XSS:/i case BX_MSR_IA32_XFD: amx_xfd = val_64; handleAvxModeChange(); break;\ncase BX_MSR_IA32_XFD_ERROR: amx_xfd_error = val_64; break;
				}' cpu/msr.cc
		sed -i -e '/^void BX_CPU_C::handleAvxModeChange/i Bit64u amx_xfd = 0, amx_xfd_error = 0;' \
			-e 's/^    clear_amx_ok();/    clear_amx_ok(); else if (amx_xfd >> 18 \& 1) clear_amx_ok();/' \
			-e '/::BxNoAMX/,/^}/{/BX_ASSERT/i if (amx_xfd >> 18 \& 1) { amx_xfd_error = 1 << 18; exception(BX_NM_EXCEPTION, 0); }
				}' cpu/proc_ctrl.cc
		./configure --enable-cpu-level=6 --enable-x86-64 --enable-avx --enable-evex --enable-amx --enable-pci \
			--enable-all-optimizations --disable-plugins --disable-docbook --with-nogui
		nice make -j "$(nproc)"
	) >>"$work/log" 2>&1 || { tail -20 "$work/log"; exit 1; }
	mv "$work/source/bochs" "$work/bochs"
	rm -rf "$work/source" "$work/packages" "$work/lists"
fi
if ! command -v genisoimage >/dev/null; then
	echo "emulated-amx: installing genisoimage"
	{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends genisoimage; } >>"$work/log" 2>&1
fi

run=$(mktemp -d)
bochs=
trap '[ -z "$bochs" ] || kill "$bochs" 2>/dev/null; rm -rf "$run"' EXIT
entry() { # NAME MODE SIZE, the header of a file
	printf '070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%s\0' 1 "$2" 0 0 1 0 "$3" 0 0 0 0 $((${#1} + 1)) 0 "$1"
}
pad() { head -c $(((4 - $(stat -c %s "$1") % 4) % 4)) /dev/zero >>"$1"; }
# The clock is as slow as the emulation, so that interrupts are as frequent as on a CPU.
mhz=20

# emulate runs those tests of a package of which one must pass, and so not be skipped.
emulate() { # PACKAGE TESTS ONE
	# The tests are the only program of the system that boots: its initial file system, a cpio archive, holds
	# nothing else. Variables and what is behind -- on the kernel's command line are theirs.
	rm -rf "${run:?}"/*
	mkdir "$run/cd"
	CGO_ENABLED=0 GOARCH=amd64 go test -c -o "$run/init" "$1"
	archive=$run/archive
	entry init $((0100755)) "$(stat -c %s "$run/init")" >"$archive" && pad "$archive"
	cat "$run/init" >>"$archive" && pad "$archive"
	entry 'TRAILER!!!' 0 0 >>"$archive" && pad "$archive"
	gzip -1 <"$archive" >"$run/cd/initrd"
	cp "$work"/root/boot/vmlinuz-* "$run/cd/linux"
	cp "$work/root/usr/lib/ISOLINUX/isolinux.bin" "$work/root/usr/lib/syslinux/modules/bios/ldlinux.c32" "$run/cd"
	cat >"$run/cd/isolinux.cfg" <<EOF
default linux
label linux
kernel linux
append initrd=initrd console=ttyS0,115200 loglevel=1 mitigations=off nowatchdog cryptomgr.notests tsc_early_khz=${mhz}000 UNDERSTUDY_REQUIRE_KERNELS=amx -- -test.v -test.short -test.run $2
EOF
	genisoimage -quiet -o "$run/cd.iso" -b isolinux.bin -c boot.cat -no-emul-boot -boot-load-size 4 -boot-info-table "$run/cd"
	cat >"$run/bochsrc" <<EOF
config_interface: textconfig
display_library: nogui
romimage: file=$work/root/usr/share/bochs/BIOS-bochs-latest
vgaromimage: file=$work/root/usr/share/vgabios/vgabios.bin
cpu: model=sapphire_rapids, exclude_features="la57, tsc_deadline", count=1, ips=${mhz}000000
memory: guest=512, host=512
ata0-master: type=cdrom, path=$run/cd.iso, status=inserted
boot: cdrom
com1: enabled=1, mode=file, dev=$run/serial
log: $run/log
clock: sync=none
panic: action=fatal
error: action=ignore
info: action=ignore
EOF
	local start=$SECONDS
	"$work/bochs" -q -f "$run/bochsrc" </dev/null >"$run/out" 2>&1 &
	bochs=$!
	# When the tests end, Linux panics, as it has no other program, and tells the exit status.
	while kill -0 "$bochs" 2>/dev/null && ! grep -aqs 'exitcode=' "$run/serial" && ((SECONDS - start < 600)); do sleep 1; done
	if ! grep -aqs 'exitcode=0x00000000' "$run/serial" || ! grep -aq -- "--- PASS: $3 " "$run/serial"; then
		tail -n 5 "$run/out" "$run/log" || true
		grep -av '^=== ' "$run/serial" | head -50 || true
		echo "emulated-amx: fails"
		exit 1
	fi
	kill "$bochs" 2>/dev/null || true
	wait "$bochs" 2>/dev/null || true
	bochs=
	grep -a -- '--- ' "$run/serial" || true
	echo "ok  	$1 on an emulated CPU with AMX ($((SECONDS - start)) s)"
}

emulate ./native '(Tile|BF16|TestGemmInt8|TestNoKernelReadsBeyondItsOperands)/^amx$' TestTilesBF16
emulate ./plugin/surrogate 'TestBF16/^amx$/^(small|concat|elm|elm,_odd_widths|dilated,_grouped_events)$' TestBF16SameBits/amx/small
