"""What only Windows can answer: COM, the registry, processes, the User's locale. Nothing else imports pywin32."""
