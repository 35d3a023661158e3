#!/usr/bin/env bash
# A real Redmine on loopback for the tests, from Debian 12's packages, with SQLite and puma: about a minute on a new machine.
#
#   tests/redmine/start.sh start    install what is missing (as root), make the data once, serve; one JSON line on stdout
#   tests/redmine/start.sh reset    the same, from fresh data
#   tests/redmine/start.sh stop     end the server that this folder's pid file names
#
# REDMINE_HOME is where everything lies (nothing in /etc, /usr/share or /var/lib is used when it runs), REDMINE_PORT
# where it listens. Progress goes to stderr; exit code 2: the packages cannot be had here.
set -euo pipefail
umask 022
action=${1:-start}
script=$(realpath "$0")
home=${REDMINE_HOME:-${XDG_STATE_HOME:-$HOME/.local/state}/toban-redmine}
port=${REDMINE_PORT:-13080}
app=$home/app instance=$home/app/instances/default pidfile=$home/puma.pid database=$home/redmine.sqlite3
export LANG=C.UTF-8 LC_ALL=C.UTF-8 RAILS_ENV=production RUBYOPT=-W0
unset BUNDLE_GEMFILE BUNDLE_PATH GEM_HOME GEM_PATH DATABASE_URL

say() { printf 'redmine %3d s: %s\n' "$SECONDS" "$*" >&2; }
die() { say "$2"; exit "$1"; }
# The pid in the file, if it is a process that runs in our folder.
serving() {
    local pid
    pid=$(cat "$pidfile" 2>/dev/null) && [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null \
        && [ "$(readlink "/proc/$pid/cwd")" = "$app" ] && echo "$pid"
}
halt() {
    local pid
    if pid=$(serving); then
        kill -TERM "$pid"
        for _ in $(seq 100); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
        if kill -0 "$pid" 2>/dev/null; then kill -KILL "$pid"; fi
    fi
    rm -f "$pidfile"
}
answers() { curl -fsS -m 20 -o /dev/null -H "X-Redmine-API-Key: $(cat "$home/api_key")" "http://127.0.0.1:$port/users/current.json" 2>/dev/null; }
installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }
# Debian 12's ruby carries a newer, unpatched Bundler beside the patched one, under which Redmine's own set-up fails and
# leaves the package half configured; this names the patched one.
bundler() { { dpkg-query -W -f '${Version}\n' ruby-bundler 2>/dev/null || apt-cache show --no-all-versions ruby-bundler | sed -n 's/^Version: //p'; } | head -1 | sed 's/-.*//'; }

mkdir -p "$home"
exec 9>"$home/lock"
flock -w 600 9 || die 1 "another run holds $home/lock"
case $action in
stop) halt; exit 0 ;;
start | reset) ;;
*) die 1 "no such action: $action" ;;
esac

command -v dpkg-query >/dev/null || die 2 "no Debian packages here"
missing=()
for package in redmine redmine-sqlite puma curl sqlite3; do installed $package || missing+=($package); done
if [ ${#missing[@]} -gt 0 ]; then
    [ "$(id -u)" = 0 ] || die 2 "not installed, and not root: ${missing[*]}"
    say "installing ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    apt=(apt-get -q -o DPkg::Lock::Timeout=600 -o APT::Install-Recommends=false)
    "${apt[@]}" update >"$home/apt.log" 2>&1 || true
    printf '%s\n' 'redmine redmine/instances/default/dbconfig-install boolean false' \
        'redmine redmine/instances/default/database-type select sqlite3' | debconf-set-selections
    BUNDLER_VERSION=$(bundler)
    export BUNDLER_VERSION
    "${apt[@]}" install -y "${missing[@]}" >>"$home/apt.log" 2>&1 || true
    for package in "${missing[@]}"; do installed "$package" || die 2 "$package could not be installed: $home/apt.log"; done
fi
BUNDLER_VERSION=$(bundler)
export BUNDLER_VERSION
version=$(dpkg-query -W -f '${Version}' redmine)

if [ "$(cat "$home/version" 2>/dev/null)" != "$version" ]; then
    halt
    say "copying Redmine $version"
    rm -rf "$app" "$home/template.sqlite3"
    mkdir -p "$app"
    (cd /usr/share/redmine && cp -a --no-preserve=ownership app bin config db extra lib Gemfile Rakefile config.ru "$app/" && cp -rL public "$app/")
    rm -f "$app/config/database.yml" "$app/config/initializers/secret_token.rb"
    mkdir -p "$instance"/{config,log,files,tmp/cache,tmp/pids,public/plugin_assets} "$app"/{tmp,log,plugins}
    sed -i "s#/usr/share/redmine/{config,instances#$app/{config,instances#" "$app/Gemfile"
    printf 'production:\n  adapter: sqlite3\n  database: %s\n  timeout: 15000\n  pool: 16\n' "$database" >"$instance/config/database.yml"
    cp "$instance/config/database.yml" "$app/config/database.yml"
    head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n' >"$instance/config/secret_key.txt"
    head -c 20 /dev/urandom | od -An -tx1 | tr -d ' \n' >"$home/api_key"
    chmod 600 "$instance/config/secret_key.txt" "$home/api_key"
    echo "gem 'puma', :require => false" >"$app/Gemfile.local"
    (cd "$app" && bundle install --local --quiet) >"$home/bundle.log" 2>&1 || die 1 "bundler: $home/bundle.log"
    echo "$version" >"$home/version"
fi

cd "$app"
# Data that an older form of this script made lack what its tests ask for.
made_by=$(sha256sum "$script" | cut -c1-16)
if [ "$(cat "$home/made_by" 2>/dev/null)" != "$made_by" ]; then
    halt
    rm -f "$home/template.sqlite3" "$database"*
fi
if [ ! -f "$home/template.sqlite3" ]; then
    halt
    say "making its data"
    rm -f "$database"*
    SCHEMA=/dev/null bundle exec rake db:migrate >"$home/migrate.log" 2>&1 || die 1 "migrating: $home/migrate.log"
    head -c 20 /dev/urandom | od -An -tx1 | tr -d ' \n' >"$home/service_key"
    chmod 600 "$home/service_key"
    # A process of its own: in that of the migration the default data are not loaded, silently.
    TOBAN_KEY=$(cat "$home/api_key") TOBAN_SERVICE_KEY=$(cat "$home/service_key") TOBAN_DATABASE=$database TOBAN_PORT=$port TOBAN_INFO=$home/info.json bundle exec rails runner - >"$home/data.log" 2>&1 <<'RUBY' || die 1 "data: $home/data.log"
require 'json'
Redmine::DefaultData::Loader.load('ja')
{'rest_api_enabled' => '1', 'default_language' => 'ja', 'notified_events' => [], 'sys_api_enabled' => '1', 'sys_api_key' => ENV['TOBAN_SERVICE_KEY'], 'autofetch_changesets' => '0'}.each { |name, value| Setting[name] = value }
admin = User.find_by_login('admin')
admin.update_columns(:must_change_passwd => false, :status => 1, :language => 'ja')
human = User.new(:firstname => '花子', :lastname => '担当', :mail => 'hanako@example.net', :language => 'ja')
human.login = 'hanako'
human.password = human.password_confirmation = SecureRandom.hex(12)
human.save!
keys = {}
{admin => ENV['TOBAN_KEY'], human => SecureRandom.hex(20)}.each do |user, value|
  Token.create!(:user => user, :action => 'api')
  Token.where(:user_id => user.id, :action => 'api').update_all(:value => value)
  keys[user.login] = value
end
field = IssueCustomField.new(:name => 'portal_key', :field_format => 'string', :is_for_all => true, :is_filter => true)
field.trackers = Tracker.all
field.save!
project = Project.new(:name => 'portal-demo', :identifier => 'portal-demo', :is_public => false)
project.enabled_module_names = %w(issue_tracking)
project.trackers = Tracker.sorted.to_a
project.save!
Member.create!(:project => project, :principal => human, :role_ids => [Role.givable.sorted.first.id])
sorted = IssueStatus.sorted.to_a
File.write(ENV['TOBAN_INFO'], JSON.generate(
  :url => "http://127.0.0.1:#{ENV['TOBAN_PORT']}", :key => keys['admin'], :human_key => keys['hanako'], :project => project.id,
  :tracker => Tracker.sorted.first.id, :field => field.id, :open_status => sorted.find { |s| !s.is_closed }.id,
  :service_key => ENV['TOBAN_SERVICE_KEY'], :database => ENV['TOBAN_DATABASE'],
  :closed_status => sorted.find(&:is_closed).id, :version => Redmine::VERSION.to_s))
RUBY
    cp "$database" "$home/template.sqlite3"
    echo "$made_by" >"$home/made_by"
    chmod 600 "$home/info.json"
fi
if [ "$action" = reset ]; then
    halt
    rm -f "$database"*
    cp "$home/template.sqlite3" "$database"
fi
if ! serving >/dev/null; then
    say "starting"
    # One thread: of two that write, SQLite refuses one (BusyException, a 500), however long its timeout is.
    setsid nohup bundle exec puma -e production -b "tcp://127.0.0.1:$port" -w 0 -t 1:1 --pidfile "$pidfile" config.ru >"$home/puma.log" 2>&1 9>&- </dev/null &
fi
for _ in $(seq 240); do
    if serving >/dev/null && answers; then
        sed "s#\"url\":\"[^\"]*\"#\"url\":\"http://127.0.0.1:$port\"#" "$home/info.json"
        echo
        say "ready"
        exit 0
    fi
    sleep 0.25
done
die 1 "no answer on 127.0.0.1:$port: $home/puma.log"
