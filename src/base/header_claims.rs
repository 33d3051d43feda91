//! Names of request fields by which some server believes its proxy: what path was meant, from where and by whom a request came. What a
//! client writes there is a claim of its own, so none of them goes on.
//!
//! A name is taken for another one where `-` and `_` mean the same (RFC 3875 section 4.1.18, WSGI, PHP), so names with anything but
//! letters, digits and `-` are no way around this table: they are dropped too, whatever they say.

/// What a field may say that a client must not.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Claim {
    /// Which path, or which part of it belongs to the server rather than to the application.
    Path,
    /// Which host and port.
    Host,
    /// From where it came: address, country, scheme, TLS.
    Client,
    /// Who it is from.
    Identity,
    /// Which files may be sent in answer.
    File,
    /// Another method than the one in front. Those who signed in may say it.
    Method,
    /// Another place that the request is about besides its path. Those who signed in may say it.
    Target,
}

impl Claim {
    /// What it says of the request, in words.
    pub fn says(self) -> &'static str {
        match self {
            Self::Path => "which path is meant",
            Self::Host => "which host is meant",
            Self::Client => "where a request comes from",
            Self::Identity => "who somebody is",
            Self::File => "which files may be sent",
            Self::Method => "which method is meant",
            Self::Target => "which other place is meant",
        }
    }

    /// Whether everybody's is dropped, and not strangers' alone.
    pub const fn is_nobodys(self) -> bool {
        !matches!(self, Self::Method | Self::Target)
    }
}

/// What a field of this name claims to some server; in lower case, and only letters, digits and `-` (see [`is_plain`]).
pub fn claim(name: &str) -> Option<Claim> {
    let bytes = name.as_bytes();
    let (bucket, first) = match bytes {
        [b'x', b'-', first, ..] => (&OF_X, first),
        [first, ..] => (&OF_OTHERS, first),
        [] => return None,
    };
    let (begin, end) = bucket.get(usize::from(first.wrapping_sub(b'a'))).copied()?;
    if begin == end || LEFT_ALONE.contains(&name) {
        return None;
    }
    let rows = TABLE.get(begin..end)?;
    rows.iter().find(|row| row.means(name)).map(|row| row.1)
}

/// Whether a name is spelled so that no server takes it for another one.
pub fn is_plain(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// A name as servers read it that make one variable of all spellings: in lower case, everything but letters and digits as `-`.
pub fn folded(name: &str) -> String {
    name.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '-' }).collect()
}

/// A name, or with `*` at its end all that begin so; what it claims; who believes it.
#[derive(Debug)]
pub struct Row(pub &'static str, pub Claim, pub &'static str);

impl Row {
    fn means(&self, name: &str) -> bool {
        match self.0.strip_suffix('*') {
            Some(prefix) => name.starts_with(prefix),
            None => self.0 == name,
        }
    }
}

/// What belongs to the families below and is said by people's own programs: Exchange ActiveSync ([MS-ASHTTP] 2.2.1.1.2.5), Office, Outlook
/// and Skype, Windows' sign-in, clients of Azure's storage, and Next.js in browsers.
const LEFT_ALONE: [&str; 19] = [
    "x-ms-policykey",
    "x-ms-cookieuri-requested",
    "x-ms-client-application",
    "x-ms-client-request-id",
    "x-ms-client-version",
    "x-ms-return-client-request-id",
    "x-ms-useragent",
    "x-ms-refreshtokencredential",
    "x-ms-devicecredential",
    "x-ms-namespace",
    "x-ms-sdk-instance",
    "x-ms-origin",
    "x-ms-date",
    "x-ms-version",
    "x-ms-range",
    "x-ms-lease-id",
    "x-ms-blob-type",
    "x-ms-copy-action",
    "x-middleware-prefetch",
];

/// Where the rows that begin with a letter lie in the table: from, and up to.
type Buckets = [(usize, usize); 26];

const OF_OTHERS: Buckets = buckets(false);
const OF_X: Buckets = buckets(true);

#[expect(clippy::indexing_slicing, reason = "worked out while it is compiled, which fails where an index is wrong")]
const fn buckets(of_x: bool) -> Buckets {
    let mut buckets = [(0, 0); 26];
    let mut row = 0;
    while row < TABLE.len() {
        let name = TABLE[row].0.as_bytes();
        let is_of_x = name.len() > 2 && name[0] == b'x' && name[1] == b'-';
        if is_of_x == of_x {
            let letter = (if of_x { name[2] } else { name[0] } - b'a') as usize;
            if buckets[letter].1 == 0 {
                buckets[letter].0 = row;
            }
            buckets[letter].1 = row + 1;
        }
        row += 1;
    }
    buckets
}

use Claim::{Client, File, Host, Identity, Method, Path, Target};

/// In the order of the alphabet; the first row that matches counts.
pub const TABLE: &[Row] = &[
    Row("affiliation", Identity, "Shibboleth's attributes as header fields"),
    Row("ajp-*", Identity, "Tomcat's AJP connector: request attributes by name"),
    Row("akamai-*", Client, "Akamai"),
    Row("ali-cdn-real-ip", Client, "Alibaba Cloud CDN"),
    Row("ar-real-ip", Client, "ArvanCloud"),
    Row("auth-groups", Identity, "LemonLDAP::NG"),
    Row("auth-mail", Identity, "LemonLDAP::NG"),
    Row("auth-user", Identity, "LemonLDAP::NG, IIS: a variable of the server's"),
    Row("cas-*", Identity, "mod_auth_cas"),
    Row("cdn-src-ip", Client, "Tencent and other CDNs"),
    Row("cf-access-*", Identity, "Cloudflare Access"),
    Row("cf-*", Client, "Cloudflare: address, country, TLS"),
    Row("client-cert*", Identity, "RFC 9440: the certificate that a TLS client showed"),
    Row("client-ip", Client, "PHP applications, ProxySQL and others"),
    Row("cloudfront-*", Client, "Amazon CloudFront"),
    Row("ct-remote-user", Identity, "RSA Access Manager"),
    Row("destination", Target, "WebDAV COPY and MOVE (RFC 4918 section 10.3)"),
    Row("do-connecting-ip", Client, "DigitalOcean"),
    Row("entitlement", Identity, "Shibboleth's attributes as header fields"),
    Row("eo-connecting-ip", Client, "Tencent EdgeOne"),
    Row("eppn", Identity, "Shibboleth's attributes as header fields"),
    Row("fastly-client-ip", Client, "Fastly"),
    Row("fastly-ssl", Client, "Fastly"),
    Row("fly-*", Client, "Fly.io"),
    Row("forwarded", Client, "RFC 7239"),
    Row("forwarded-*", Client, "misspelt by some proxies, read by Cacti and django-ipware"),
    Row("front-end-https", Client, "Exchange, SharePoint, Rack: the scheme"),
    Row("http-client-ip", Client, "PHP applications"),
    Row("https", Client, "PHP applications: the scheme"),
    Row("incap-*", Client, "Imperva"),
    Row("iv-*", Identity, "IBM Security Verify Access (WebSEAL)"),
    Row("kubeflow-*", Identity, "Kubeflow"),
    Row("mellon-*", Identity, "mod_auth_mellon"),
    Row("msexchlogonaccount", Identity, "Exchange, as one server tells another"),
    Row("msexchlogonmailbox", Identity, "Exchange, as one server tells another"),
    Row("msexchproxyuri", Path, "Exchange, as one server tells another"),
    Row("msexchtargetmailbox", Identity, "Exchange, as one server tells another"),
    Row("nuxeo-virtual-host", Host, "Nuxeo"),
    Row("oam-*", Identity, "Oracle Access Manager"),
    Row("oidc-*", Identity, "mod_auth_openidc"),
    Row("original-url", Path, "home-made rewriting"),
    Row("osso-*", Identity, "Oracle Single Sign-On"),
    Row("pairwise-id", Identity, "Shibboleth's attributes as header fields"),
    Row("path-info", Path, "gunicorn (`forwarder_headers`), CGI"),
    Row("path-translated", Path, "CGI"),
    Row("persistent-id", Identity, "Shibboleth's attributes as header fields"),
    Row("php-auth-*", Identity, "Cacti and other PHP applications"),
    Row("proxy", Client, "CGI programs take it for the variable HTTP_PROXY (CVE-2016-5385)"),
    Row("proxy-auth-cert", Identity, "Jetty: the certificate of a TLS client"),
    Row("proxy-client-*", Client, "WebLogic and older Java servers"),
    Row("proxy-ssl-*", Client, "Jetty"),
    Row("proxy-user", Identity, "Oracle HTTP Server"),
    Row("real-ip", Client, "home-made proxies"),
    Row("redirect-remote-*", Identity, "Cacti and other PHP applications: variables of Apache's rewriting"),
    Row("remote-*", Identity, "CGI, Authelia, Rack: user, groups, address"),
    Row("replit-*", Identity, "Replit"),
    Row("request-uri", Path, "CGI, PHP applications"),
    Row("script-*", Path, "gunicorn, uWSGI, CGI: `SCRIPT_NAME` cuts off the beginning of the path"),
    Row("sec-email", Identity, "geOrchestra"),
    Row("sec-firstname", Identity, "geOrchestra"),
    Row("sec-lastname", Identity, "geOrchestra"),
    Row("sec-org", Identity, "geOrchestra"),
    Row("sec-orgname", Identity, "geOrchestra"),
    Row("sec-proxy", Identity, "geOrchestra"),
    Row("sec-roles", Identity, "geOrchestra"),
    Row("sec-userid", Identity, "geOrchestra"),
    Row("sec-username", Identity, "geOrchestra"),
    Row("shib-*", Identity, "Shibboleth"),
    Row("sm-*", Identity, "SiteMinder: `SM_USER` and others"),
    Row("smuser*", Identity, "SiteMinder"),
    Row("ssl-*", Identity, "Tomcat's SSLValve, Apache: what a TLS client showed"),
    Row("subject-id", Identity, "Shibboleth's attributes as header fields"),
    Row("tailscale-*", Identity, "Tailscale Serve"),
    Row("targeted-id", Identity, "Shibboleth's attributes as header fields"),
    Row("true-client-ip", Client, "Akamai, Cloudflare"),
    Row("unscoped-affiliation", Identity, "Shibboleth's attributes as header fields"),
    Row("wl-proxy-*", Client, "WebLogic"),
    Row("x-accel-*", File, "nginx, Rack: which files may be sent"),
    Row("x-akamai-*", Client, "Akamai"),
    Row("x-alfresco-remote-*", Identity, "Alfresco"),
    Row("x-amz-copy-source*", Target, "S3"),
    Row("x-amzn-mtls-*", Identity, "AWS load balancers"),
    Row("x-amzn-oidc-*", Identity, "AWS load balancers"),
    Row("x-anonymous-consumer", Identity, "Kong"),
    Row("x-api-host", Host, "Rancher"),
    Row("x-appengine-*", Identity, "Google App Engine"),
    Row("x-arr-*", Identity, "IIS Application Request Routing: certificate, TLS, address"),
    Row("x-auth-couchdb-*", Identity, "CouchDB"),
    Row("x-auth-email", Identity, "home-made gateways"),
    Row("x-auth-first-name", Identity, "Posit Connect"),
    Row("x-auth-groups", Identity, "home-made gateways"),
    Row("x-auth-id", Identity, "Posit Connect"),
    Row("x-auth-last-name", Identity, "Posit Connect"),
    Row("x-auth-name", Identity, "home-made gateways"),
    Row("x-auth-request-*", Identity, "oauth2-proxy"),
    Row("x-auth-roles", Identity, "home-made gateways"),
    Row("x-auth-rsc-*", Identity, "Posit Connect"),
    Row("x-auth-user*", Identity, "home-made gateways"),
    Row("x-authenticated-*", Identity, "Apigee, nginx recipes, Django's middleware"),
    Row("x-authentik-*", Identity, "authentik"),
    Row("x-azure-*", Client, "Azure Front Door"),
    Row("x-base-*", Path, "home-made prefixes"),
    Row("x-citrix-via*", Client, "NetScaler to StoreFront: through which gateway"),
    Row("x-client-cert*", Identity, "load balancers: what a TLS client showed"),
    Row("x-client-dn", Identity, "load balancers"),
    Row("x-client-ip", Client, "IIS, Azure, nginx recipes"),
    Row("x-client-s-dn", Identity, "load balancers"),
    Row("x-client-ssl*", Identity, "load balancers"),
    Row("x-client-verify", Identity, "load balancers"),
    Row("x-cluster-client-ip", Client, "Rackspace, Zeus"),
    Row("x-commonaccesstoken", Identity, "Exchange: who somebody is, as one server tells another"),
    Row("x-consumer-*", Identity, "Kong"),
    Row("x-context-path", Path, "Java portals"),
    Row("x-copied-from", Target, "OpenStack Swift"),
    Row("x-copy-from*", Target, "OpenStack Swift"),
    Row("x-credential-*", Identity, "Kong"),
    Row("x-doorward-*", Identity, "Doorward"),
    Row("x-email", Identity, "home-made gateways"),
    Row("x-endpoint-api-userinfo", Identity, "Google Cloud Endpoints"),
    Row("x-envoy-*", Path, "Envoy: the path before it was rewritten, retries, who is inside"),
    Row("x-first-name", Identity, "CloudBeaver"),
    Row("x-forwarded", Client, "Squid and others"),
    Row("x-forwarded-*", Client, "who, from where, to which host, scheme, port, prefix and path"),
    Row("x-forwardedfor", Client, "misspelt by some proxies, read by some applications"),
    Row("x-goog-authenticated-*", Identity, "Google Identity-Aware Proxy"),
    Row("x-goog-iap-*", Identity, "Google Identity-Aware Proxy"),
    Row("x-graylog-server-url", Host, "Graylog"),
    Row("x-groups", Identity, "home-made gateways"),
    Row("x-host", Host, "frameworks, home-made proxies"),
    Row("x-host-override", Host, "frameworks"),
    Row("x-http-host-*", Host, "frameworks"),
    Row("x-http-method*", Method, "ASP.NET, Symfony, Rails, Express and others"),
    Row("x-https", Client, "home-made proxies"),
    Row("x-id-token", Identity, "Apache APISIX"),
    Row("x-ingress-path", Path, "Home Assistant's add-ons"),
    Row("x-invoke-*", Path, "Next.js"),
    Row("x-isfromcafe", Identity, "Exchange: a request from its own front end"),
    Row("x-jfrog-override-*", Host, "JFrog Artifactory"),
    Row("x-jwt-assertion", Identity, "API gateways, WSO2"),
    Row("x-jwt-claim*", Identity, "API gateways"),
    Row("x-last-name", Identity, "CloudBeaver"),
    Row("x-lighttpd-*", File, "lighttpd"),
    Row("x-litespeed-*", File, "LiteSpeed"),
    Row("x-logged-in-user", Identity, "home-made gateways"),
    Row("x-matched-path", Path, "Next.js"),
    Row("x-method-override", Method, "frameworks"),
    Row("x-middleware-*", Path, "Next.js (CVE-2025-29927)"),
    Row("x-ms-*", Identity, "Azure App Service, AD FS and its proxies"),
    Row("x-nf-client-*", Client, "Netlify"),
    Row("x-now-route-matches", Path, "Vercel"),
    Row("x-oidc-*", Identity, "home-made gateways"),
    Row("x-okta-*", Identity, "home-made gateways"),
    Row("x-original-*", Path, "IIS, Symfony, Zend, ingress controllers"),
    Row("x-originating-*", Client, "applications that write mail"),
    Row("x-override-url", Path, "frameworks"),
    Row("x-owa-proxyuri", Path, "Exchange, as one server tells another"),
    Row("x-path", Path, "home-made prefixes"),
    Row("x-path-*", Path, "home-made prefixes"),
    Row("x-pomerium-*", Identity, "Pomerium"),
    Row("x-prefix", Path, "home-made prefixes"),
    Row("x-proto", Client, "home-made proxies: the scheme"),
    Row("x-protocol", Client, "home-made proxies: the scheme"),
    Row("x-proxied*", Identity, "NiFi, Jetty: who asks, through which proxies"),
    Row("x-proxy*", Identity, "NiFi, Hadoop, JupyterHub, Exchange and others: user, host, path and server"),
    Row("x-qlik-user*", Identity, "Qlik Sense"),
    Row("x-real-*", Client, "nginx recipes"),
    Row("x-remote-*", Identity, "Kubernetes and others"),
    Row("x-replaced-path", Path, "Traefik"),
    Row("x-reproxy-*", File, "Perlbal, mod_reproxy"),
    Row("x-request-base", Path, "Catalyst, Mojolicious"),
    Row("x-request-uri", Path, "home-made proxies"),
    Row("x-rewrite-*", Path, "IIS, Symfony, Zend"),
    Row("x-role", Identity, "CloudBeaver"),
    Row("x-roles", Identity, "home-made gateways"),
    Row("x-rsc-*", Path, "Posit Connect: the address before it was rewritten"),
    Row("x-rstudio-request", Path, "RStudio, Posit Workbench: the address before it was rewritten"),
    Row("x-rstudio-root-path", Path, "RStudio, Posit Workbench"),
    Row("x-rstudio-user*", Identity, "RStudio, Posit Workbench behind a proxy that signs in"),
    Row("x-saml-*", Identity, "home-made gateways"),
    Row("x-sandstorm-*", Identity, "Sandstorm"),
    Row("x-scheme", Client, "Flask's ReverseProxied, Jupyter"),
    Row("x-script-*", Path, "Radicale, Flask's ReverseProxied"),
    Row("x-sendfile*", File, "Apache, Rack (`X-Sendfile-Type`)"),
    Row("x-server-name", Host, "home-made proxies"),
    Row("x-server-port", Host, "home-made proxies"),
    Row("x-shib-*", Identity, "Shibboleth"),
    Row("x-sourcecafeserver", Identity, "Exchange"),
    Row("x-ssl*", Identity, "load balancers: what a TLS client showed"),
    Row("x-sso-*", Identity, "home-made gateways"),
    Row("x-sucuri-*", Client, "Sucuri"),
    Row("x-tls-*", Identity, "load balancers"),
    Row("x-token-claim*", Identity, "API gateways"),
    Row("x-traefik-*", Path, "Traefik"),
    Row("x-traversal-path", Path, "Plack"),
    Row("x-uri", Path, "home-made proxies"),
    Row("x-url", Path, "home-made proxies"),
    Row("x-url-scheme", Client, "home-made proxies"),
    Row("x-user", Identity, "home-made gateways"),
    Row("x-user-email", Identity, "home-made gateways"),
    Row("x-user-groups", Identity, "home-made gateways"),
    Row("x-user-name", Identity, "home-made gateways"),
    Row("x-user-roles", Identity, "home-made gateways"),
    Row("x-userinfo", Identity, "Kong, Apache APISIX"),
    Row("x-username", Identity, "home-made gateways"),
    Row("x-vercel-*", Client, "Vercel: address, country"),
    Row("x-vhm-*", Path, "Pyramid, Zope: the root of a virtual host"),
    Row("x-vouch-*", Identity, "Vouch Proxy"),
    Row("x-waws-*", Path, "Azure App Service"),
    Row("x-webauth-*", Identity, "Grafana, Stanford WebAuth"),
    Row("x-weblogic-*", Client, "WebLogic"),
    Row("x-webobjects-*", Path, "WebObjects"),
    Row("z-forwarded-for", Client, "Zscaler"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_is_found_by_its_name_and_stands_in_its_place() {
        for row in TABLE {
            let name = row.0.strip_suffix('*').map_or(row.0.to_owned(), |prefix| format!("{prefix}0"));
            assert_eq!(claim(&name), Some(row.1), "{row:?}");
            assert!(is_plain(row.0.trim_end_matches('*')) && folded(&name) == name && !row.2.is_empty(), "{row:?}");
        }
        // The rows of a letter lie together.
        let letters: Vec<_> = TABLE.iter().map(|row| row.0.split_at(if row.0.starts_with("x-") { 3 } else { 1 }).0).collect();
        assert!(letters.is_sorted(), "{letters:?}");
    }

    #[test]
    fn the_operators_page_names_each() {
        let page = include_str!("../../docs/security.md");
        let lacking: Vec<_> = TABLE.iter().map(|row| row.0).filter(|name| !page.contains(&format!("`{name}`"))).collect();
        assert_eq!(lacking, [""; 0]);
    }

    #[test]
    fn what_browsers_and_programs_say_claims_nothing() {
        for name in [
            "accept",
            "cookie",
            "dnt",
            "host",
            "if-match",
            "if-none-match",
            "origin",
            "priority",
            "range",
            "referer",
            "save-data",
            "sec-ch-ua",
            "sec-ch-ua-platform",
            "sec-fetch-site",
            "service-worker",
            "te",
            "user-agent",
            "via",
            "x-csrf-token",
            "x-requested-with",
            "x-user-agent",
            "x-user-id",
            "x-auth-token",
            "x-api-key",
            "x-request-id",
            "x-correlation-id",
            "traceparent",
            "translate",
            "depth",
            "overwrite",
            "if",
            "lock-token",
            "timeout",
            "soapaction",
            "x-anchormailbox",
            "x-ms-policykey",
            "ms-asprotocolversion",
            "x-owa-canary",
            "x-owa-actionname",
            "msexchecpcanary",
            "x-clientid",
            "x-citrix-isusinghttps",
            "csrf-token",
            "x-xsrf-token",
            "x-gitlab-token",
            "x-grafana-org-id",
            "x-nextjs-data",
            "x-amz-date",
            "x-amz-content-sha256",
            "x-goog-api-key",
            "hx-request",
            "oc-checksum",
            "ocs-apirequest",
            "slug",
            "",
            "x-",
            "-",
            "x-\u{fc}",
        ] {
            assert_eq!(claim(name), None, "{name}");
        }
    }

    #[test]
    fn spellings_that_servers_take_for_one_are_one() {
        for (name, expected) in [("SCRIPT_NAME", "script-name"), ("X.Forwarded_For", "x-forwarded-for"), ("$WSRU", "-wsru")] {
            assert_eq!(folded(name), expected);
            assert!(!is_plain(name));
        }
        assert!(is_plain("X-Forwarded-For2") && is_plain(""));
    }
}
