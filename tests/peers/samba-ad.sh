#!/usr/bin/env bash
# A private Active Directory on one address of this machine, by Samba. Everything it has lies in its own folder.
#   samba-ad.sh start FOLDER ADDRESS       prints KEY=VALUE; the controller goes on in the background. A folder that was stopped goes on where it was
#   samba-ad.sh stop FOLDER                ends it at once; the folder stays
#   samba-ad.sh age FOLDER USER SECONDS    makes the password of this user that old, which LDAP lets nobody do
#   samba-ad.sh permit FOLDER USER DN ACE  puts an entry of an access list, in SDDL, on an object; USER in it is the user's number
# LDAP's ports are fixed (389, 636, 3268, 3269), so each controller has an address 127.x.x.x of its own, and starting one needs root.
# Environment: CACHE=FOLDER         keeps the new domain, whose making takes ten seconds and more, for all that start later
#              STRONG_AUTH=yes      a password over a connection without TLS is refused (result 8), as hardened controllers do
#              CERTIFICATE=expired  or "other": one that ran out, or one for another host
# Exit 77: something is not installed, or we are not root. Exit 75: the address was taken meanwhile.
set -euo pipefail
PATH=$PATH:/usr/sbin
DOMAIN=ad.example.test
NETBIOS=ADEX
HOST=dc1
ADMIN_PASSWORD=Adm1n-Passw0rd

missing() { echo "$1" >&2; exit 77; }

# What a controller needs to know about itself: everything that Samba would put elsewhere stays in the folder.
settings() { # folder address
  local folder=$1 kind
  printf '[global]\n'
  for kind in "private dir:private" "state directory:state" "cache directory:cache" "lock directory:lock" "pid directory:run" \
    "ncalrpc dir:run/ncalrpc" "winbindd socket directory:run/winbindd" "ntp signd socket directory:run/ntp" "binddns dir:bind-dns"; do
    printf '%s = %s/%s\n' "${kind%%:*}" "$folder" "${kind#*:}"
  done
  cat <<CONF
realm = ${DOMAIN^^}
workgroup = $NETBIOS
netbios name = ${HOST^^}
server role = active directory domain controller
server services = ldap
dcerpc endpoint servers = epmapper
interfaces = $2/8
bind interfaces only = yes
tls enabled = yes
tls cafile = $folder/tls/ca.pem
tls certfile = $folder/tls/server.pem
tls keyfile = $folder/tls/server.key
ldap server require strong auth = ${STRONG_AUTH:-no}
old password allowed period = 0
usershare path =
ldb:nosync = yes
log level = 1
CONF
}

# A new domain, into a folder.
provision() {
  mkdir -p "$1"/{etc,run}
  : >"$1/etc/empty.conf"
  samba-tool domain provision -s "$1/etc/empty.conf" --targetdir="$1" --realm="${DOMAIN^^}" --domain="$NETBIOS" --server-role=dc \
    --host-name="$HOST" --host-ip=127.0.0.1 --dns-backend=NONE --adminpass="$ADMIN_PASSWORD" \
    --option="interfaces=127.0.0.1/8" --option="bind interfaces only=yes" --option="pid directory=$1/run" \
    --option="ncalrpc dir=$1/run/ncalrpc" >"$1/provision.log" 2>&1 </dev/null || { tail -n 20 "$1/provision.log" >&2; return 1; }
}

# The domain as it was made once. Whoever comes while another makes it, waits.
restore() { # folder
  local made kept
  [ -n "${CACHE:-}" ] || { provision "$1"; return; }
  mkdir -p "$CACHE"
  kept="$CACHE/$(samba --version | tr -cs '[:alnum:].\n' -)-$(sha256sum "$0" | cut -c1-12).tar"
  exec 9>"$CACHE/lock"
  flock 9
  if [ ! -e "$kept" ]; then
    made=$(mktemp -d "$CACHE/making.XXXXXX")
    if ! provision "$made"; then rm -rf "$made"; return 1; fi
    rm -f "$CACHE"/*.tar
    tar -cf "$made.tar" -C "$made" private state
    mv "$made.tar" "$kept"
    rm -rf "$made"
  fi
  exec 9>&-
  tar -xf "$kept" -C "$1"
}

certificates() { # folder address
  local names="DNS:$HOST.$DOMAIN,DNS:$DOMAIN,IP:$2" until=(-days 90)
  case ${CERTIFICATE:-} in
  expired) until=(-not_before 20200101000000Z -not_after 20200201000000Z) ;;
  other) names=DNS:elsewhere.example.test ;;
  esac
  mkdir -p "$1/tls"
  cd "$1/tls"
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 90 -subj "/CN=CA of a test domain" -keyout ca.key -out ca.pem
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$HOST.$DOMAIN" -keyout server.key -out server.csr
  printf 'subjectAltName=%s\nextendedKeyUsage=serverAuth\nbasicConstraints=CA:FALSE\n' "$names" >server.ext
  sign "${until[@]}"
  # Samba takes no key that others may read.
  chmod 600 server.key
}

sign() { # how long
  if [ "$1" = -days ]; then
    openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial "$@" -extfile server.ext -out server.pem
  else # only `openssl ca` can sign for a time that is over
    : >index
    echo 01 >serial
    printf '[ca]\ndefault_ca=it\n[it]\ndatabase=index\nserial=serial\nnew_certs_dir=.\ndefault_md=sha256\npolicy=any\n[any]\ncommonName=supplied\n' >ca.conf
    openssl ca -batch -config ca.conf -cert ca.pem -keyfile ca.key -in server.csr -out server.pem -extfile server.ext -notext \
      -startdate "${2}" -enddate "${4}"
  fi
}

start() {
  local folder=$1 address=$2 pid
  [ "$(id -u)" = 0 ] || missing "an Active Directory domain controller can be started by root alone, for its ports are below 1024"
  command -v samba samba-tool openssl flock >/dev/null || missing "samba, samba-tool or openssl is not installed"
  [ -e /usr/share/samba/setup/provision.ldif ] || missing "samba-ad-provision is not installed"
  mkdir -p "$folder"
  folder=$(realpath "$folder")
  chmod 700 "$folder"
  [ -d "$folder/private" ] || restore "$folder"
  mkdir -p "$folder"/{etc,run,lock,cache,bind-dns}
  [ -d "$folder/tls" ] || (certificates "$folder" "$address") >"$folder/openssl.log" 2>&1 || { cat "$folder/openssl.log" >&2; exit 1; }
  settings "$folder" "$address" >"$folder/etc/smb.conf"
  if (exec 3<>"/dev/tcp/$address/636") 2>/dev/null; then echo "$address is taken" >&2; exit 75; fi
  setsid samba -i -M single --debug-stdout -s "$folder/etc/smb.conf" </dev/null >"$folder/samba.log" 2>&1 &
  pid=$!
  echo $pid >"$folder/pid"
  for _ in $(seq 1500); do
    (exec 3<>"/dev/tcp/$address/636" 4<>"/dev/tcp/$address/389") 2>/dev/null && break
    kill -0 $pid 2>/dev/null || { tail -n 20 "$folder/samba.log" >&2; exit 75; }
    sleep 0.02
  done
  printf '%s\n' "PID=$pid" "ADDRESS=$address" "HOST=$HOST.$DOMAIN" "DOMAIN=$DOMAIN" "NETBIOS=$NETBIOS" "BASE=DC=${DOMAIN//./,DC=}" \
    "CA=$folder/tls/ca.pem" "ADMIN=administrator@$DOMAIN" "ADMIN_PASSWORD=$ADMIN_PASSWORD"
}

stop() {
  local pid
  pid=$(cat "$1/pid")
  # Only if it is still ours: the number may have gone to somebody else.
  [ "$(readlink "/proc/$pid/fd/1")" = "$1/samba.log" ] || return 0
  # At once, and with all that it started.
  kill -KILL -- "-$pid" 2>/dev/null || true
}

age() { # folder user seconds
  /usr/bin/python3 - "$@" <<'PYTHON'
import sys, time
import ldb
from samba import dsdb
from samba.auth import system_session
from samba.param import LoadParm
from samba.samdb import SamDB

folder, user, seconds = sys.argv[1:]
settings = LoadParm()
settings.load(folder + "/etc/smb.conf")
database = SamDB(url=folder + "/private/sam.ldb", session_info=system_session(), lp=settings)
found = database.search(database.domain_dn(), ldb.SCOPE_SUBTREE, "(sAMAccountName=%s)" % ldb.binary_encode(user), [])
# Windows counts tenths of microseconds since 1601.
then = int((time.time() + 11644473600 - int(seconds)) * 10**7)
change = ldb.Message(found[0].dn)
change["pwdLastSet"] = ldb.MessageElement(str(then), ldb.FLAG_MOD_REPLACE, "pwdLastSet")
database.modify(change, ["local_oid:%s:0" % dsdb.DSDB_CONTROL_BYPASS_PASSWORD_HASH_OID])
PYTHON
}

permit() { # folder user object entry
  /usr/bin/python3 - "$@" <<'PYTHON'
import sys
import ldb
from samba.auth import system_session
from samba.dcerpc import security
from samba.ndr import ndr_unpack
from samba.param import LoadParm
from samba.samdb import SamDB
from samba.sd_utils import SDUtils

folder, user, thing, entry = sys.argv[1:]
settings = LoadParm()
settings.load(folder + "/etc/smb.conf")
database = SamDB(url=folder + "/private/sam.ldb", session_info=system_session(), lp=settings)
found = database.search(database.domain_dn(), ldb.SCOPE_SUBTREE, "(sAMAccountName=%s)" % ldb.binary_encode(user), ["objectSid"])
number = str(ndr_unpack(security.dom_sid, found[0]["objectSid"][0]))
SDUtils(database).dacl_add_ace(thing, entry.replace("USER", number))
PYTHON
}

case ${1:-} in
start) start "$2" "$3" ;;
stop) stop "$(realpath "$2")" ;;
age) age "$(realpath "$2")" "$3" "$4" ;;
permit) permit "$(realpath "$2")" "$3" "$4" "$5" ;;
*) sed -n '2,12s/^# \{0,1\}//p' "$0" >&2; exit 64 ;;
esac
