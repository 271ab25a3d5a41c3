"""Run the operator's command line."""

from services.admin.commands.command_line import admin

if __name__ == "__main__":
    admin(prog_name="admin")
