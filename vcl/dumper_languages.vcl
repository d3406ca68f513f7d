# dumper_purge: Accept-Language becomes one of the site's languages, or goes, so that a page that
# varies on it is stored once a language. Include it before dumper.vcl, and define
#
#   sub dumper_languages {
#       set req.http.Dumper-Languages = regsuball(req.http.Dumper-Languages,
#           ",(de|en)(?:-[a-z0-9-]+)?(?=[;,]|$)", ", \1");
#   }
#
# which marks the site's languages, in a list like ",de-at,en;q=0.8", with a space.
vcl 4.1;

import std;

sub vcl_recv {
    if (req.restarts == 0 && req.http.Accept-Language) {
        std.collect(req.http.Accept-Language);
        if (req.http.Accept-Language ~ "^.{500}") {
            unset req.http.Accept-Language;
        } else {
            call dumper_language;
        }
    }
}

# The first language of the highest quality, which is compared by its first digit.
sub dumper_language {
    set req.http.Dumper-Languages = ","
        + regsuball(std.tolower(req.http.Accept-Language), "\s+|;q=1(?:\.0*)?(?=[\s,]|$)", "");
    call dumper_languages;
    set req.http.Dumper-Languages = regsuball(req.http.Dumper-Languages,
        ",(?! )[^,]*|, [^,]*;(?!q=0\.[0-9]{1,3}(?:,|$))[^,]*|, [^,]*;q=0\.0*(?=,|$)", "");
    if (req.http.Dumper-Languages ~ "(?:^|,) [^,;]+(?:,|$)") {
        set req.http.Accept-Language = regsub(req.http.Dumper-Languages,
            "^(?:.*?,)?? ([^,;]+)(?:,.*)?$", "\1");
    } elsif (req.http.Dumper-Languages ~ ";") {
        call dumper_language_by_quality;
    } else {
        unset req.http.Accept-Language;
    }
    unset req.http.Dumper-Languages;
}

# The list is written ten times, for each digit once, and its first entry with that digit is taken.
sub dumper_language_by_quality {
    set req.http.Dumper-Languages = "9" + req.http.Dumper-Languages + ",8"
        + req.http.Dumper-Languages + ",7" + req.http.Dumper-Languages + ",6"
        + req.http.Dumper-Languages + ",5" + req.http.Dumper-Languages + ",4"
        + req.http.Dumper-Languages + ",3" + req.http.Dumper-Languages + ",2"
        + req.http.Dumper-Languages + ",1" + req.http.Dumper-Languages + ",0"
        + req.http.Dumper-Languages;
    set req.http.Accept-Language = regsub(req.http.Dumper-Languages,
        "^(?:.*?,)??([0-9])(?:, [^,;]*;q=0\.[0-9]+)*?, ([^,;]+);q=0\.\1.*$", "\2");
}
