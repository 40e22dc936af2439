#!/bin/sh
# Fill in this PBX's addresses, take the emergency numbers that callgate wrote, and become Asterisk.
set -eu
etc=/etc/callgate-pbx
modules=$(dirname "$(find /usr/lib -name chan_pjsip.so | head -n 1)")
data=/usr/share/asterisk
for template in /usr/share/callgate-pbx/*.conf; do
  sed -e "s|@SIP@|$PBX_ADDRESS:5060|g" -e "s|@PBX@|$PBX_ADDRESS|g" -e "s|@AMI_PORT@|5038|g" \
    -e "s|@AGI@|$CALLGATE_ADDRESS:4573|g" -e "s|@AMI_CLIENT@|$CALLGATE_ADDRESS|g" \
    -e "s|@AMI_SECRET@|$(cat /run/secrets/ami)|g" -e "s|@AMI_LAB_SECRET@|$(cat /proc/sys/kernel/random/uuid)|g" \
    -e "s|@CARRIER@|$CARRIER_ADDRESS:5060|g" -e "s|@CARRIER_HOST@|$CARRIER_ADDRESS|g" \
    -e "s|@BRUSSELS@|$BRUSSELS_ADDRESS:5060|g" -e "s|@BRUSSELS_HOST@|$BRUSSELS_ADDRESS|g" \
    -e "s|@LILLE@|$LILLE_ADDRESS:5060|g" -e "s|@LILLE_HOST@|$LILLE_ADDRESS|g" \
    -e "s|@CASABLANCA@|$CASABLANCA_ADDRESS:5060|g" -e "s|@CASABLANCA_HOST@|$CASABLANCA_ADDRESS|g" \
    -e "s|@SITE_CALLERID@|$SITE_CALLERID|g" -e "s|@PROMPTS@|/var/lib/callgate-prompts|g" \
    -e "s|@ETC@|$etc|g" -e "s|@MODULES@|$modules|g" -e "s|@DATA@|$data|g" \
    -e "s|@ASTERISK@|/var/lib/callgate-pbx|g" -e "s|@RUN@|/run/callgate-pbx|g" -e "s|@LOGS@|/var/log/callgate-pbx|g" \
    "$template" >"$etc/$(basename "$template")"
done
for empty in acl ccss confbridge pjproject queuerules queues udptl; do : >"$etc/$empty.conf"; done
cp /var/lib/callgate-prompts/callgate-emergency.conf "$etc/"
for folder in db keys agi cache music spool/monitor spool/tmp; do mkdir -p "/var/lib/callgate-pbx/$folder"; done
chown -R asterisk:callgate "$etc" /var/lib/callgate-pbx /run/callgate-pbx /var/log/callgate-pbx
chmod 0640 "$etc"/*.conf
umask 0007
exec asterisk -C "$etc/asterisk.conf" -f -U asterisk -G callgate
