-- Services whose ids are not dense: more or fewer rows than the dictionary has given out.
SELECT d.project_id, d.service_id, d.next_site, s.sites, d.next_frame, f.frames
FROM profiles_dictionary d
CROSS JOIN LATERAL (
    SELECT count(*) AS sites FROM profiles_site s
    WHERE s.project_id = d.project_id AND s.service_id = d.service_id AND s.site_id < d.next_site
) s
CROSS JOIN LATERAL (
    SELECT count(*) AS frames FROM profiles_frame f
    WHERE f.project_id = d.project_id AND f.service_id = d.service_id AND f.frame_id < d.next_frame
) f
WHERE s.sites <> d.next_site OR f.frames <> d.next_frame
ORDER BY 1, 2
