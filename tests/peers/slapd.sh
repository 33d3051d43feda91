#!/usr/bin/env bash
# A private OpenLDAP server on loopback. Everything it has lies in its own folder.
#   slapd.sh start FOLDER PORT TLS_PORT    prints KEY=VALUE; the server goes on in the background
#   slapd.sh stop FOLDER                   ends it; the folder stays
# Environment: ALLOW_UNAUTH=1  a name with an empty password succeeds as anonymous (what RFC 4513 section 5.1.2 warns of)
#              NO_MEMBEROF=1   without the memberof overlay
#              LIMITED=1       shows the service user no more than 500 entries
#              LOG=256         what it is asked stands in FOLDER/slapd.log
#              PPOLICY=1       password policies: three wrong passwords lock, and people in every state of a password
#              OWN_CERTIFICATE=1  its certificate is by nobody but itself (openssl req -x509), and is what CA= names
#              SERVICE_WRITES=1  the service user may write passwords
#              SERVICE_UNLOCKS=1  the service user may lift the lock of an account
#              UNSEARCHED=1    the service user may read the members of `gate`, and search for none
#              HIDDEN=1        the service user may not read the group `unique`, nor the members of `posix`
# Exit 77: slapd or its tools are not installed (Debian: slapd ldap-utils openssl). Exit 75: a port was taken meanwhile.
set -euo pipefail
PATH=$PATH:/usr/sbin:/usr/lib/openldap
BASE=dc=example,dc=test
ADMIN=cn=admin,$BASE
ADMIN_PASSWORD=admin-password
SERVICE=cn=doorward,ou=services,$BASE
SERVICE_PASSWORD=service-password

certificates() {
  cd "$1"
  if [ -n "${OWN_CERTIFICATE:-}" ]; then
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 90 -subj "/CN=localhost" -addext subjectAltName=DNS:localhost -keyout server.key -out server.pem
    cp server.pem ca.pem
    return
  fi
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 90 -subj "/CN=CA of a test directory" -keyout ca.key -out ca.pem
  # By its name alone: reached as 127.0.0.1 it is the wrong server.
  printf 'subjectAltName=DNS:localhost\nextendedKeyUsage=serverAuth\nbasicConstraints=CA:FALSE\n' >server.ext
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=localhost" -keyout server.key -out server.csr
  openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 90 -extfile server.ext -out server.pem
}

configuration() {
  printf 'include /etc/ldap/schema/%s.schema\n' core cosine inetorgperson nis
  cat <<CONF
modulepath /usr/lib/ldap
moduleload back_mdb
${NO_MEMBEROF:+#}moduleload memberof
${PPOLICY:+moduleload ppolicy}
${ALLOW_UNAUTH:+allow bind_anon_dn}
pidfile $1/slapd.pid
TLSCACertificateFile $1/ca.pem
TLSCertificateFile $1/server.pem
TLSCertificateKeyFile $1/server.key
database mdb
suffix "$BASE"
rootdn "$ADMIN"
rootpw $ADMIN_PASSWORD
directory $1/db
maxsize 1073741824
dbnosync
index objectClass,uid,mail,member eq
index entryUUID,entryCSN eq
${NO_MEMBEROF:+#}overlay memberof
${PPOLICY:+overlay ppolicy}
${PPOLICY:+ppolicy_default "cn=default,ou=policies,$BASE"}
${PPOLICY:+ppolicy_use_lockout}
${PPOLICY:+ppolicy_hash_cleartext}
${LIMITED:+#}limits dn.exact="$SERVICE" size=unlimited
access to attrs=userPassword by anonymous auth ${PPOLICY:+by self write} ${SERVICE_WRITES:+by dn.exact="$SERVICE" write} by * none
${SERVICE_UNLOCKS:+access to attrs=pwdAccountLockedTime by dn.exact="$SERVICE" write by * none}
${HIDDEN:+access to dn.exact="cn=unique,ou=groups,$BASE" by * none}
${HIDDEN:+access to dn.exact="cn=posix,ou=groups,$BASE" attrs=memberUid by * none}
${UNSEARCHED:+access to dn.exact="cn=gate,ou=groups,$BASE" attrs=member by dn.exact="$SERVICE" =rd by * none}
access to * by dn.exact="$SERVICE" read by anonymous auth by * none
CONF
}

# person UID SURNAME MAIL PASSWORD [further lines]
person() {
  printf '\ndn: uid=%s,ou=people,%s\nobjectClass: inetOrgPerson\nuid: %s\ncn: %s\nsn: %s\nmail: %s\nuserPassword: %s\n' \
    "$1" "$BASE" "$1" "$1" "$2" "$3" "$4"
  shift 4
  [ $# -eq 0 ] || printf '%s\n' "$@"
}

entries() {
  printf 'dn: %s\nobjectClass: dcObject\nobjectClass: organization\no: Example\ndc: example\n' "$BASE"
  for unit in people groups services; do printf '\ndn: ou=%s,%s\nobjectClass: organizationalUnit\nou: %s\n' $unit "$BASE" $unit; done
  printf '\ndn: %s\nobjectClass: organizationalRole\nobjectClass: simpleSecurityObject\ncn: doorward\nuserPassword: %s\n' "$SERVICE" "$SERVICE_PASSWORD"
  [ -z "${PPOLICY:-}" ] || { policies; states; }
  person alice Liddell alice@example.test wonderland 'mobile: +45 20 00 00 01' 'displayName: Alice Liddell' 'preferredLanguage: da'
  person bob Builder bob@example.test can-we-fix-it 'mobile: +45 20 00 00 02'
  # Outside the group, with the address of somebody inside.
  person carol Carrol alice@example.test carols-password
  # Two inside the group who share an address.
  person dan Office office@example.test dans-password
  person erin Office office@example.test erins-password
  person jürgen.groß Groß juergen@example.test 'Grüße aus Köln'
  # Its DN is short: back_mdb takes no such long one.
  printf '\ndn: cn=long,ou=people,%s\nobjectClass: inetOrgPerson\nuid: %s\ncn: long\nsn: Long\nuserPassword: longs-password\n' \
    "$BASE" "$(printf 'l%.0s' $(seq 256))"
  # A DN and a name full of what filters and names are made of.
  printf '\ndn: uid=odd\\2C(*)\\\\name,ou=people,%s\nobjectClass: inetOrgPerson\nuid: odd,(*)\\name\ncn: odd\nsn: odd\nmail: odd@example.test\nuserPassword: odds-password\n' "$BASE"
  printf '\ndn: cn=gate,ou=groups,%s\nobjectClass: groupOfNames\ncn: gate\n' "$BASE"
  for uid in alice bob ${PPOLICY:+reset old grace soon young} dan erin jürgen.groß 'odd\2C(*)\\name'; do printf 'member: uid=%s,ou=people,%s\n' "$uid" "$BASE"; done
  printf 'member: cn=long,ou=people,%s\n' "$BASE"
  printf '\ndn: cn=unique,ou=groups,%s\nobjectClass: groupOfUniqueNames\ncn: unique\nuniqueMember: uid=bob,ou=people,%s\n' "$BASE" "$BASE"
  printf '\ndn: cn=posix,ou=groups,%s\nobjectClass: posixGroup\ncn: posix\ngidNumber: 1000\nmemberUid: bob\n' "$BASE"
}

# policy NAME [further lines]
policy() {
  printf '\ndn: cn=%s,ou=policies,%s\nobjectClass: device\nobjectClass: pwdPolicy\ncn: %s\npwdAttribute: userPassword\n' "$1" "$BASE" "$1"
  printf 'pwdMinLength: 8\npwdCheckQuality: 1\npwdInHistory: 3\npwdLockout: TRUE\npwdMaxFailure: 3\npwdMustChange: TRUE\npwdAllowUserChange: TRUE\n'
  shift
  printf '%s\n' "$@"
}

# Before the people, who are under them.
policies() {
  printf '\ndn: ou=policies,%s\nobjectClass: organizationalUnit\nou: policies\n' "$BASE"
  policy default
  policy old 'pwdMaxAge: 3600'
  policy grace 'pwdMaxAge: 3600' 'pwdGraceAuthNLimit: 20'
  policy soon 'pwdMaxAge: 864000' 'pwdExpireWarning: 1000000'
  policy young 'pwdMinAge: 3600'
}

# Needs the policies.
states() {
  local phone='mobile: +45 20 00 00 09'
  person reset Reset reset@example.test first-password "$phone" 'pwdReset: TRUE'
  for state in old grace soon young; do
    person $state Stated $state@example.test first-password "$phone" "pwdPolicySubentry: cn=$state,ou=policies,$BASE"
  done
}

# When a password was set is for the server to say, unless one insists.
ages() {
  for state in old grace; do
    printf 'dn: uid=%s,ou=people,%s\nchangetype: modify\nreplace: pwdChangedTime\npwdChangedTime: 20200101000000Z\n\n' $state "$BASE"
  done
}

start() {
  local folder=$1 port=$2 tls_port=$3
  command -v slapd ldapadd openssl >/dev/null || { echo "slapd, ldapadd or openssl is not installed" >&2; exit 77; }
  mkdir -p "$folder/db"
  folder=$(realpath "$folder")
  (certificates "$folder") >"$folder/openssl.log" 2>&1 || { cat "$folder/openssl.log" >&2; exit 1; }
  configuration "$folder" >"$folder/slapd.conf"
  setsid slapd -d "${LOG:-0}" -f "$folder/slapd.conf" -h "ldap://127.0.0.1:$port ldaps://127.0.0.1:$tls_port" </dev/null >"$folder/slapd.log" 2>&1 &
  local pid=$!
  echo $pid >"$folder/pid"
  # Asked in LDAP: a mere connection may be one of this machine's to itself, where nobody listens yet.
  for _ in $(seq 1500); do
    ldapwhoami -x -H "ldap://127.0.0.1:$port" >/dev/null 2>&1 && break
    kill -0 $pid 2>/dev/null || { cat "$folder/slapd.log" >&2; exit 75; }
    sleep 0.02
  done
  # Over LDAP, not by slapadd, so that the overlay fills memberOf.
  entries >"$folder/entries.ldif"
  ldapadd -x -H "ldap://127.0.0.1:$port" -D "$ADMIN" -w "$ADMIN_PASSWORD" -f "$folder/entries.ldif" >"$folder/entries.log" 2>&1 ||
    { cat "$folder/entries.log" >&2; kill $pid; exit 1; }
  [ -z "${PPOLICY:-}" ] || ages | ldapmodify -x -e relax -H "ldap://127.0.0.1:$port" -D "$ADMIN" -w "$ADMIN_PASSWORD" >>"$folder/entries.log" 2>&1 ||
    { cat "$folder/entries.log" >&2; kill $pid; exit 1; }
  printf '%s\n' "PID=$pid" "PORT=$port" "TLS_PORT=$tls_port" "CA=$folder/ca.pem" "BASE=$BASE" "GROUP=cn=gate,ou=groups,$BASE" \
    "SERVICE_USER=$SERVICE" "ADMIN=$ADMIN" "ADMIN_PASSWORD=$ADMIN_PASSWORD" "SERVICE_PASSWORD=$SERVICE_PASSWORD"
}

stop() {
  local pid
  pid=$(cat "$1/pid")
  # Only if it is still ours: the number may have gone to somebody else.
  grep -qzF "$1" "/proc/$pid/cmdline" 2>/dev/null || return 0
  # At once: nobody needs its data any more, and a polite end takes a second.
  kill -KILL "$pid" 2>/dev/null || true
}

case ${1:-} in
start) start "$2" "$3" "$4" ;;
stop) stop "$(realpath "$2")" ;;
*) sed -n '2,14s/^# \{0,1\}//p' "$0" >&2; exit 64 ;;
esac
