//! What a source reads from the environment, and by which rules. The environment itself is a parameter.
//!
//! Pure. A variable that is not named here must not change what a source does. An empty variable counts as not set.

use zeroize::Zeroizing;

/// The environment that a source is made in.
pub(crate) struct Environment<'a>(pub(crate) &'a dyn Fn(&str) -> Option<String>);

/// A variable that is set.
pub(crate) struct Variable {
    pub(crate) name: &'static str,
    pub(crate) value: Zeroizing<String>,
}

impl Environment<'_> {
    /// Returns the file of certificate authorities that OpenSSL reads too.
    pub(crate) fn ca_file(&self) -> Option<Variable> {
        self.first(&["SSL_CERT_FILE"])
    }

    /// Returns the directories of certificate authorities that OpenSSL reads too: their paths, as in PATH.
    pub(crate) fn ca_directories(&self) -> Option<Variable> {
        self.first(&["SSL_CERT_DIR"])
    }

    /// Returns the names of the variables that are set and name certificate authorities for other programs only.
    pub(crate) fn unread_ca_variables(&self) -> Vec<&'static str> {
        let names = ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"];
        names.into_iter().filter(|name| self.first(&[name]).is_some()).collect()
    }

    /// Returns the proxy for https or for http URLs.
    ///
    /// HTTP_PROXY is never read: in a CGI program it is the request header `Proxy`, which any client can set (httpoxy).
    pub(crate) fn proxy(&self, https: bool) -> Option<Variable> {
        match https {
            true => self.first(&["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]),
            false => self.first(&["http_proxy"]),
        }
    }

    /// Returns the list of the hosts that are reached without a proxy.
    pub(crate) fn no_proxy(&self) -> Option<Variable> {
        self.first(&["no_proxy", "NO_PROXY"])
    }

    fn first(&self, names: &[&'static str]) -> Option<Variable> {
        names.iter().find_map(|name| {
            let value = Zeroizing::new(self.0(name)?);
            (!value.is_empty()).then_some(Variable { name, value })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)], get: impl Fn(&Environment<'_>) -> Option<Variable>) -> Option<&'static str> {
        let read =
            |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        let variable = get(&Environment(&read))?;
        assert_eq!(Some(variable.value.to_string()), read(variable.name));
        Some(variable.name)
    }

    #[test]
    fn the_proxy_variables_are_read_in_order_lower_case_first() {
        let all = [("ALL_PROXY", "d"), ("all_proxy", "c"), ("HTTPS_PROXY", "b"), ("https_proxy", "a")];
        for (count, name) in [(4, "https_proxy"), (3, "HTTPS_PROXY"), (2, "all_proxy"), (1, "ALL_PROXY")] {
            assert_eq!(read(&all[..count], |environment| environment.proxy(true)), Some(name));
        }
        let both = [("no_proxy", "a"), ("NO_PROXY", "b")];
        assert_eq!(read(&both, |environment| environment.no_proxy()), Some("no_proxy"));
        assert_eq!(read(&both[1..], |environment| environment.no_proxy()), Some("NO_PROXY"));
    }

    #[test]
    fn http_reads_only_the_lower_case_variable_and_https_never_that_one() {
        assert_eq!(read(&[("http_proxy", "p")], |environment| environment.proxy(false)), Some("http_proxy"));
        let others = [("HTTP_PROXY", "p"), ("ALL_PROXY", "p"), ("https_proxy", "p")];
        assert_eq!(read(&others, |environment| environment.proxy(false)), None);
        let http = [("http_proxy", "p"), ("HTTP_PROXY", "p")];
        assert_eq!(read(&http, |environment| environment.proxy(true)), None);
    }

    #[test]
    fn an_empty_variable_counts_as_not_set() {
        let variables = [("https_proxy", ""), ("HTTPS_PROXY", "b"), ("no_proxy", ""), ("SSL_CERT_FILE", "")];
        assert_eq!(read(&variables, |environment| environment.proxy(true)), Some("HTTPS_PROXY"));
        assert_eq!(read(&variables, |environment| environment.no_proxy()), None);
        assert_eq!(read(&variables, |environment| environment.ca_file()), None);
    }

    #[test]
    fn the_variables_of_other_programs_are_noticed_where_they_are_set() {
        let unread = |variables: &[(&str, &str)]| {
            let read =
                |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
            Environment(&read).unread_ca_variables()
        };
        assert_eq!(unread(&[("SSL_CERT_FILE", "/a"), ("CURL_CA_BUNDLE", "")]), [""; 0]);
        assert_eq!(
            unread(&[("NODE_EXTRA_CA_CERTS", "/a"), ("REQUESTS_CA_BUNDLE", "/b")]),
            ["REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"]
        );
    }
}
